"""The command line, kickbot …: it parses arguments and prints, nothing else. START at `main`."""
