#: A main module of at most this many lines is short enough to stay in one piece.
SHORT = 230
