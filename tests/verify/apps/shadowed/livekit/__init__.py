"""Our own notes about LiveKit."""
