"""What a process costs, as the kernel counts it."""

import os
from pathlib import Path


def resident(process: int | str = "self") -> float:
    """MiB of memory: https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu(pid: int) -> float:
    """Seconds of CPU so far, of all its threads: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
