# Shows what a host does by itself about people who are idle or gone. It changes nothing. Part of linux.sh.

limits() {
    sshd_limits
    logind_limits
    shell_limits
    own_limits
    read -r boot </proc/sys/kernel/random/boot_id
    read -r uptime _ </proc/uptime
    printf 'boot %s\nuptime %s\n' "$boot" "$uptime"
}

# What Kickbot has set there, and what of it is only on trial.
own_limits() {
    for limit_name in idle unresponsive; do
        if [ -e "/etc/ssh/sshd_config.d/00-kickbot-limit-$limit_name.conf" ]; then printf 'own %s\n' "$limit_name"; fi
        sed -n 's/^id \([0-9a-f-]*\)$/trying \1/p' "/var/lib/kickbot/limits/$limit_name/record" 2>/dev/null
    done
}

# As sshd itself reads its files, for an account that none of them is likely to name.
sshd_limits() {
    if ! command -v sshd >/dev/null; then
        printf 'sshd missing\n'
        return
    fi
    printf 'sshd %s\n' "$($limit sshd -V 2>&1 | grep -ao 'OpenSSH_[0-9A-Za-z.]*' | head -n 1)"
    shown=$($limit sshd -T -C "$(somebody nobody)" 2>&1)
    status=$?
    printf 'status %s\n' "$status"
    if [ "$status" -ne 0 ]; then
        printf '%s\n' "$shown" | head -n 3 | cut -c 1-300 | quote
        return
    fi
    printf '%s\n' "$shown" | grep -aE '^(clientalive(interval|countmax)|channeltimeout|unusedconnectiontimeout) ' |
        cut -c 1-300 | sed 's/^/option /'
    for file in /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf; do
        case $file in */00-kickbot-*) ;; *) cat "$file" 2>/dev/null ;; esac
    done | grep -aiE '^[[:space:]]*match[[:space:]=]' | head -n 20 | cut -c 1-100 | sed 's/^[[:space:]]*/match /'
}

somebody() { printf 'user=%s,host=localhost,addr=192.0.2.1,laddr=127.0.0.1,lport=22' "$1"; } # LOGIN

logind_limits() {
    for property in StopIdleSessionUSec KillUserProcesses; do
        value=$($limit busctl get-property org.freedesktop.login1 /org/freedesktop/login1 \
            org.freedesktop.login1.Manager "$property" 2>/dev/null) || continue
        printf '%s %s\n' "$property" "${value#* }"
    done
}

# The text of the files alone: none of them is run.
shell_limits() (
    cd /etc || return
    for file in profile profile.d/*.sh bash.bashrc bashrc; do
        [ -f "$file" ] && [ -r "$file" ] || continue
        head -c 100000 "$file" | LC_ALL=C awk -v name="$file" '
            function value(text) {
                text = substr(text, RSTART, RLENGTH)
                sub(/.*=/, "", text)
                gsub(/["'\'']/, "", text)
                return text ~ /^[0-9]+$/ && length(text) < 10 ? text : "-"
            }
            BEGIN { gsub(/[^A-Za-z0-9_.\/+-]/, "?", name) }
            /^[[:space:]]*#/ { next }
            match($0, /(^|[[:space:];&(])TMOUT=[^[:space:];&)#]*/) { found = value($0) }
            /(^|[[:space:];&(])(readonly|(declare|typeset)[[:space:]]+-[a-z]*r[a-z]*)[[:space:]].*TMOUT/ { fixed = 1 }
            END { if (found != "") print "tmout " found " " (fixed ? "fixed" : "free") " /etc/" substr(name, 1, 90) }'
    done | head -n 50
)

