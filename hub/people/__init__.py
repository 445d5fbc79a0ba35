"""The people who answer: accounts, sessions, the throttle of log-ins, presence, who works which queue."""
