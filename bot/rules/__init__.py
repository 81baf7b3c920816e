"""What the rules say, and whether they can be right: asked of `bot.policy`, which alone decides."""
