"""The audit trail -> Slack: each message once, wherever Slack or the bot fails."""
