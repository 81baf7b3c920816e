# Once this has run as root, whoever comes with Kickbot's key can do one thing: ask the program below for a look, or to end,
# warn, hold, give back, or limit people's sessions. Run it again whenever you like: it changes nothing that is right.

program=/opt/kickbot-host/kickbot-host
protected=/opt/kickbot-host/protected
sudoers=/etc/sudoers.d/kickbot-host

main() {
    set -eu
    umask 022
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
    export PATH LC_ALL
    check_host
    make_login
    put_program
    allow_nothing_else
    let_the_key_in
    printf 'Kickbot: the kit is installed. Now write this host into `kit` under [ssh], and run: kickbot hosts kit HOST --verify\n'
}

fail() {
    printf 'Kickbot: %s\n' "$1" >&2
    exit 1
}

check_host() {
    [ "$(id -u)" -eq 0 ] || fail 'run this as root'
    for needed in sudo visudo useradd usermod getent logger install head tr; do
        command -v "$needed" >/dev/null || fail "$needed is missing"
    done
    [ -S /dev/log ] || fail 'nothing keeps a log here (/dev/log), and without one the program does nothing'
}

# A login of its own, whose shell reads no file of its home, without a password, and in no other group.
make_login() {
    if ! getent passwd "$login" >/dev/null; then useradd --system --no-create-home "$login"; fi
    [ "$(id -u "$login")" -ne 0 ] || fail "$login is root by another name"
    usermod --shell /bin/sh --password '*' --groups '' "$login"
}

put_program() {
    install -d -o root -g root -m 755 "${program%/*}"
    the_program >"$program.new"
    put "$program.new" 755 "$program"
    touch "$protected"
    if [ -n "$(tail -c 1 "$protected")" ]; then printf '\n' >>"$protected"; fi
    for name in $protected_logins; do
        grep -qxF -e "$name" "$protected" || printf '%s\n' "$name" >>"$protected"
    done
    chown root:root "$protected"
    chmod 644 "$protected"
}

# What sudo allowed this login before is for you to take away: it stands in files of yours.
allow_nothing_else() {
    the_sudoers >"$program.sudoers"
    visudo -c -q -f "$program.sudoers" || fail 'visudo does not accept the rule for sudo'
    put "$program.sudoers" 440 "$sudoers"
    allowed=$(sudo -l -U "$login" | sed '1,/may run the following commands/d; s/^ *//')
    [ "$allowed" = "(root) NOPASSWD: $program \"\"" ] || fail "sudo still allows $login something else. Take it away (/etc/sudoers, /etc/sudoers.d), and run this again:
$allowed"
}

# Root's files, so that nobody with the key can change what the next login does.
let_the_key_in() {
    home=$(getent passwd "$login" | cut -d: -f6)
    case $home in '' | / | /root | /opt/kickbot-host*) fail "$login has no home of its own ($home)" ;; esac
    if [ -h "$home" ]; then fail "the home of $login is a link ($home)"; fi
    install -d -o root -g root -m 755 "$home"
    if [ -h "$home/.ssh" ]; then rm "$home/.ssh"; fi
    install -d -o root -g root -m 755 "$home/.ssh"
    rm -f "$home/.ssh/authorized_keys2" "$home/.ssh/rc" "$home/.ssh/environment"
    the_keys >"$home/.ssh/authorized_keys.new"
    put "$home/.ssh/authorized_keys.new" 644 "$home/.ssh/authorized_keys"
    reads=$(sshd -T -C "user=$login,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" 2>/dev/null) || return 0
    case $(printf '%s\n' "$reads" | sed -n 's/^authorizedkeysfile / /p')' ' in
        *[\ /].ssh/authorized_keys\ *) ;;
        *) fail "sshd does not read $home/.ssh/authorized_keys: put its lines where sshd reads them, and no others" ;;
    esac
}

put() { # FILE MODE PLACE
    chown root:root "$1"
    chmod "$2" "$1"
    mv -f "$1" "$3"
}

