"""Evaluating a small function on paper, over LibCST nodes: the person's code is never run.

Whatever the code cannot tell (a clock, the network, a library) is a stand-in (`values`), and what depends on one is
`Undecidable`. `Machine` holds what has happened so far; the other modules say what each kind of node does to it.
"""
