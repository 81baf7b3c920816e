"""What people type, click and fill in -> the workflow, and its answer back to them."""
