"use strict";
// The ticks of the checklist are kept in this browser, under the project's name; without storage they just do not last.
(() => {
  const key = "lk-migrate:" + document.documentElement.dataset.project;
  const boxes = [...document.querySelectorAll("input[data-item]")];
  const counter = document.getElementById("ticked");
  let ticked = {};
  try { ticked = JSON.parse(localStorage.getItem(key)) || {}; } catch { /* private window */ }
  const show = () => {
    for (const box of boxes) box.closest("li").classList.toggle("done", box.checked);
    if (counter) counter.textContent = boxes.filter((box) => box.checked).length + " of " + boxes.length + " done";
  };
  for (const box of boxes) {
    box.checked = Boolean(ticked[box.dataset.item]);
    box.addEventListener("change", () => {
      if (box.checked) ticked[box.dataset.item] = true; else delete ticked[box.dataset.item];
      try { localStorage.setItem(key, JSON.stringify(ticked)); } catch { /* private window */ }
      show();
    });
  }
  show();

  // A link into a closed file or rule opens it first.
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
    const summary = target.tagName === "DETAILS" ? target.querySelector("summary") : target;
    summary.focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);
  reveal();

  const search = document.getElementById("search");
  const files = [...document.querySelectorAll("details.file")];
  if (search) {
    search.closest(".search").hidden = false;
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      for (const file of files) file.hidden = !file.dataset.words.toLowerCase().includes(wanted);
    });
  }

  // n and p walk through the findings, unless something is being typed.
  let current = -1;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox])")) return;
    if (event.key !== "n" && event.key !== "p") return;
    const findings = [...document.querySelectorAll("tr.finding")].filter((row) => !row.closest("[hidden]"));
    if (!findings.length) return;
    current = (current + (event.key === "n" ? 1 : findings.length - 1) + (current < 0 && event.key === "p" ? 1 : 0)) % findings.length;
    findings[current].closest("details").open = true;
    findings[current].tabIndex = -1;
    findings[current].focus({ preventScroll: true });
    findings[current].scrollIntoView({ block: "center" });
  });

  // On paper everything is open.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
})();
