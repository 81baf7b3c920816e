"""A Slack workspace and hosts on this machine, for the demo and the tests; imports nothing of the rest of `bot`."""
