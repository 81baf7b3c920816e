"""`kickbot check`: examines a whole installation, and changes nothing anywhere. START at `examination`."""
