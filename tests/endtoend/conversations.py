"""What is said to the agents of the legacy apps, before and after: each call in an utterance of its own."""

from __future__ import annotations

from typing import Any

Calls = list[list[Any]]

BOOKING: Calls = [
    ["confirm_wants_to_book_yes", {}],
    ["set_notes", {"notes": "a cleaning"}],
    ["list_slots_on_day", {"day": "tomorrow", "max_options": 4}],
    ["choose_slot", {"option": "option 2"}],
    ["provide_name", {"name": "Lucía Núñez"}],
    ["provide_phone", {"phone": "+34 600 111 222"}],
    ["provide_email", {"email": "lucia at example dot com"}],
    ["confirm_details", {}],
    ["confirm_details_yes", {}],
    ["finalize_booking", {}],
]
BOOKED = {
    "wants_booking": True,
    "notes": "a cleaning",
    "slot": "2025-03-11T10:00",
    "name": "Lucía Núñez",
    "email": "lucia@example.com",
    "phone": "+34600111222",
    "confirmed": True,
    "reference": "CS-5E3A77",
}
EVERYTHING = {"name": "Ana", "phone": "0034 600 111 222", "email": "ana@example.com", "day": "tomorrow"}
QUESTIONS: Calls = [
    ["query_knowledge_base", {"query": "Where can I park my car?", "max_results": 1}],
    ["get_detailed_info", {"topic": "location and parking"}],
    ["query_knowledge_base", {"query": "quantum chromodynamics"}],
    ["list_topics", {}],
]

#: (app, agent) → conversations, each with a fresh agent. Together they call every tool.
CONVERSATIONS: dict[tuple[str, str], list[Calls]] = {
    ("clinic", "Assistant"): [
        BOOKING,
        [["confirm_wants_to_book_no", {}], ["list_slots_on_day", {"day": "tomorrow"}]],
        [*BOOKING[:8], ["confirm_details_no", {"what_is_wrong": "the name"}], *BOOKING[4:5], *BOOKING[7:]],
        [["schedule_appointment", {**EVERYTHING, "time": "10:00"}], *BOOKING[8:], BOOKING[-1]],
        [["provide_email", {"email": "nobody"}], ["provide_phone", {"phone": "1"}], ["choose_slot", {"option": "1"}]],
        [*BOOKING[:1], *BOOKING[2:7], BOOKING[1]],  # set_notes last: it reads everything back by itself
    ],
    ("clinic", "RAGAssistant"): [
        BOOKING,
        QUESTIONS,
        [
            ["collect_webhook_data", {"field_name": "Insurance", "value": "Sanitas"}],
            ["collect_webhook_data", {"field_name": "birthday", "value": "12 March 1980"}],
            ["collect_webhook_data", {"field_name": "shoe size", "value": "43"}],
            ["check_webhook_data", {}],
            ["request_callback", {"reason": "prices", "when": "tomorrow"}],
            ["lookup_appointments", {}],
        ],
        [*BOOKING, ["lookup_appointments", {}], ["request_callback", {"reason": "x"}]],
        [["confirm_wants_to_book_no", {}], ["set_notes", {"notes": "b", "append": True}]],
        [["schedule_appointment", {**EVERYTHING, "time_of_day": "10:00", "auto_confirm": True}], BOOKING[-1]],
        [*BOOKING[:8], ["confirm_details_no", {}], ["finalize_booking", {}]],  # the call that forgot its ctx
    ],
    ("switchboard", "day"): [
        [
            ["lookup_extension", {"query": "the Mölndal depot"}],
            ["transfer_call", {"extension": "510"}],
            ["transfer_to_department", {"department": "sales", "announce": True}],
            ["get_opening_hours", {"day": "thursday"}],
            ["leave_voicemail", {"mailbox": "210", "message": "Ring mig", "callback_number": "0046 31-700 00 00"}],
            ["page_staff", {"desks": ["Payroll", "Claims"], "message": "front desk"}],
            ["schedule_callback", {"number": "+46317000000", "topics": ["invoice"]}],
            ["set_caller_details", {"name": "Åkeriet Älv", "company": ""}],
            ["report_problem", {"category": "delivery", "details": {"text": "late"}}],
            ["report_problem", {"category": "invoice", "details": {"text": "a", "order_number": "7"}, "severity": 3}],
            ["parking_status", {}],
            ["hold", {"on": True}],
        ],
        [["hold", {"on": False}], ["get_opening_hours", {"day": "sunday"}], ["transfer_call", {"extension": "999"}]],
        [["schedule_callback", {"number": "1", "topics": ["other"], "when": "morning"}], ["set_caller_details", {}]],
    ],
    ("switchboard", "night"): [
        [
            ["check_on_call", {"region": "mölndal"}],
            ["report_outage", {"site": "Skövde", "description": "no power"}],
            ["report_outage", {"site": "A", "description": "b", "affected_users": 9, "blocking": True}],
            ["ticket_status", {"ticket_id": "t-1001"}],
            ["leave_message", {"mailbox": "300", "message": "hello", "tags": ["a", "b"]}],
            ["leave_message", {"mailbox": "300", "message": "hello"}],
            ["estimate_wait", {"region": "north", "factor": 2.0}],
        ],
    ],
    ("mixins", "hotel"): [
        [
            ["set_room", {"room": " 12b "}],
            ["set_notes", {"notes": "extra kudde"}],
            ["read_notes", {}],
            ["order_taxi", {"destination": "Brännö"}],
            ["order_taxi", {"destination": "Haga", "minutes": 5, "passengers": 3}],
            ["suggest_walk", {"kind": "museum"}],
            ["wake_up_call", {"time": "06:30"}],
            ["wakeup_call", {"time": "07:00", "room": "9"}],
            ["minibar_total", {"items": ["öl", "water"]}],
        ],
        [["read_notes", {"room": "9"}], ["set_notes", {"notes": "a", "room": "9"}], ["read_notes", {"room": "9"}]],
    ],
    ("mixins", "housekeeping"): [
        [
            ["bring_towels", {"room": "12B"}],
            ["clean_room", {"room": "12B", "when": "later"}],
            ["lost_property", {"what": "Paraply"}],
            ["status", {}],
        ],
        [["status", {}], ["bring_towels", {"room": "1", "count": 4}], ["lost_property", {"what": "ring"}]],
    ],
    ("mixins", "restaurant"): [
        [
            ["check_table", {"at": "19:30"}],
            ["book_table", {"name": "Åsa", "at": "19:30", "guests": 4}],
            ["menu", {"course": "dessert"}],
            ["menu", {}],
            ["allergens", {"dish": "brûlée"}],
        ],
    ],
    ("mixins", "spa"): [
        [
            ["free_times", {"day": "friday", "max_options": 2}],
            ["book_treatment", {"treatment": "massage", "day": "friday", "at": "10:00", "name": "Åsa"}],
            ["book_treatment", {"treatment": "massage", "day": "friday", "at": "10:00", "name": "Bo"}],
            ["sauna", {}],
            ["sauna", {"on": False}],
            ["pool_temperature", {}],
        ],
    ],
}
