"""What every HTTP door shares: reading requests, writing answers, watching the connection."""
