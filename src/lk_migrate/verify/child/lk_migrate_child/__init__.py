"""What runs inside the person's Python: observe, keep it on this machine, and stand in for remote models.

Nothing here may import from `lk_migrate` (it is not installed there) nor anything but the standard library
and
the person's own livekit. Python 3.10 is the floor.
"""
