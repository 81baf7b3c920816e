/* Stands in for Windows' DLLs below the compiled script: structures as in wtsapi32.h, ntsecapi.h and winternl.h of a
   64-bit Windows, filled from the lines of the file in KICKBOT_WINDOWS; what is done is noted in the file beside it. It is
   preloaded too, so that KICKBOT_DIE_AT=N sends the script KICKBOT_SIGNAL at the N-th moment at which it changes something
   that stays. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST 4000
typedef uint16_t wide;
typedef struct { uint16_t bytes, most; wide *text; } words;
typedef struct { uint32_t id; wide *station; uint32_t state; } session_info;
typedef struct {
    uint32_t state, id, traffic[6];
    wide station[32], domain[17], user[21];
    int64_t connected, disconnected, input, logon, now;
} wtsinfo;
typedef struct { uint32_t session, pid; wide *name; void *sid; } process_info;
typedef struct {
    uint32_t size; uint32_t id[2];
    words user, domain, package;
    uint32_t type, session; void *sid; int64_t logon; words server, dns, upn;
} logon_data;
typedef struct {
    uint32_t next, threads; int64_t reserved[3], created, user_time, kernel_time;
    words image; int32_t priority; void *pid, *parent; uint32_t handles, session; char rest[152], of_threads[1200];
} system_process;
_Static_assert(sizeof(wtsinfo) == 216, "WTSINFOW");
_Static_assert(sizeof(session_info) == 24 && sizeof(process_info) == 24, "WTS_SESSION_INFOW, WTS_PROCESS_INFOW");
_Static_assert(__builtin_offsetof(logon_data, logon) == 80, "SECURITY_LOGON_SESSION_DATA");
_Static_assert(__builtin_offsetof(system_process, pid) == 80 && __builtin_offsetof(system_process, of_threads) == 256, "SYSTEM_PROCESS_INFORMATION");

static char *rows[MOST][14];
static int count, loaded;

static void load(void) {
    if (loaded) return;
    loaded = 1;
    FILE *file = fopen(getenv("KICKBOT_WINDOWS"), "r");
    char *line = NULL; size_t size = 0; ssize_t length;
    while (file && (length = getline(&line, &size, file)) > 0 && count < MOST) {
        line[strcspn(line, "\n")] = 0;
        char *rest = strdup(line);
        for (int i = 0; i < 14; i++) rows[count][i] = rest ? strsep(&rest, "\t") : "";
        count++;
    }
}

/* The n-th row of that kind, or NULL. */
static char **row(const char *kind, int n) {
    load();
    for (int i = 0; i < count; i++) if (!strcmp(rows[i][0], kind) && !n--) return rows[i];
    return NULL;
}

static char **found(const char *kind, const char *key) {
    load();
    for (int i = 0; i < count; i++) if (!strcmp(rows[i][0], kind) && !strcmp(rows[i][1], key)) return rows[i];
    return NULL;
}

static char **numbered(const char *kind, long number) {
    char key[32];
    snprintf(key, sizeof key, "%ld", number);
    return found(kind, key);
}

static long number(const char *kind, long otherwise) { char **one = row(kind, 0); return one ? atol(one[1]) : otherwise; }

static int fails(const char *function) {
    char **one = found("fail", function);
    errno = one ? atoi(one[2]) : 0;
    return one != NULL;
}

static void note(const char *what) {
    char path[4096];
    snprintf(path, sizeof path, "%s.done", getenv("KICKBOT_WINDOWS"));
    FILE *file = fopen(path, "a");
    fprintf(file, "%s\n", what);
    fclose(file);
}

/* ASCII with \uXXXX. */
static int widen(const char *text, wide *into, int most) {
    int length = 0;
    for (; *text && length < most - 1; length++) {
        unsigned code;
        if (text[0] == '\\' && text[1] == 'u' && sscanf(text + 2, "%4x", &code) == 1) { into[length] = code; text += 6; }
        else into[length] = (unsigned char)*text++;
    }
    into[length] = 0;
    return length;
}

static wide *wide_copy(const char *text) {
    wide *copy = calloc(strlen(text) + 1, sizeof *copy);
    widen(text, copy, strlen(text) + 1);
    return copy;
}

static words as_words(const char *text) {
    wide *copy = wide_copy(text);
    int length = 0;
    while (copy[length]) length++;
    return (words){length * 2, length * 2 + 2, copy};
}

/* session ID STATE PROTOCOL USER DOMAIN STATION CLIENT FAMILY ADDRESS LOGON DISCONNECTED INPUT */
int WTSEnumerateSessionsW(void *server, int reserved, int version, void **list, int *length) {
    if (fails("WTSEnumerateSessions")) return 0;
    session_info *all = calloc(MOST, sizeof *all);
    char **one;
    for (*length = 0; (one = row("session", *length)); ++*length)
        all[*length] = (session_info){atol(one[1]), wide_copy(one[6]), atol(one[2])};
    *list = all;
    return 1;
}

int WTSQuerySessionInformationW(void *server, int session, int what, void **value, int *bytes) {
    char **one = numbered("session", session);
    if (!one) { errno = 7022; return 0; }
    *bytes = 4;
    if (what == 5) *value = wide_copy(one[4]);
    else if (what == 7) *value = wide_copy(one[5]);
    else if (what == 10) *value = wide_copy(one[7]);
    else if (what == 16) { *value = calloc(1, 4); *(uint16_t *)*value = atoi(one[3]); *bytes = 2; }
    else if (what == 14) {
        unsigned char *address = *value = calloc(1, 24);
        *(uint32_t *)address = atoi(one[8]);
        int at = atoi(one[8]) == 2 ? 6 : 4;
        for (char *hex = one[9]; *hex; hex += 2, at++) { unsigned byte; sscanf(hex, "%2x", &byte); address[at] = byte; }
        *bytes = 24;
    } else if (what == 24) {
        wtsinfo *info = *value = calloc(1, sizeof *info);
        info->state = atoi(one[2]);
        info->id = session;
        widen(one[6], info->station, 32);
        widen(one[5], info->domain, 17);
        widen(one[4], info->user, 21);
        info->connected = 7;
        info->logon = atoll(one[10]);
        info->disconnected = atoll(one[11]);
        info->input = atoll(one[12]);
        *bytes = sizeof *info;
    } else { errno = 87; return 0; }
    return 1;
}

/* process PID PARENT START SESSION SID NAME COMMAND */
int WTSEnumerateProcessesW(void *server, int reserved, int version, void **list, int *length) {
    process_info *all = calloc(MOST, sizeof *all);
    char **one;
    for (*length = 0; (one = row("process", *length)); ++*length)
        all[*length] = (process_info){atol(one[4]), atol(one[1]), wide_copy(one[6]), *one[5] ? one[5] : NULL};
    *list = all;
    return 1;
}

int WTSLogoffSession(void *server, int session, int wait) {
    char text[80];
    snprintf(text, sizeof text, "logoff %d %d", session, wait);
    note(text);
    return !fails("WTSLogoffSession");
}

int WTSSendMessageW(void *server, int session, wide *title, int title_bytes, wide *text, int text_bytes, int style, int seconds, int *response, int wait) {
    char said[9000];
    int at = snprintf(said, sizeof said, "message %d %d %x %d ", session, title_bytes / 2, style, wait);
    for (int i = 0; i < text_bytes / 2; i++) at += snprintf(said + at, sizeof said - at, text[i] < 128 ? "%c" : "\\u%04x", text[i]);
    note(said);
    return !fails("WTSSendMessage");
}

void WTSFreeMemory(void *memory) { free(memory); }

/* logon SESSION USER DOMAIN SID */
uint32_t LsaEnumerateLogonSessions(uint32_t *length, void **list) {
    uint64_t *all = calloc(MOST, sizeof *all);
    for (*length = 0; row("logon", *length); ++*length) all[*length] = *length;
    *list = all;
    return 0;
}

uint32_t LsaGetLogonSessionData(uint64_t *id, void **data) {
    char **one = row("logon", *id);
    if (!strcmp(one[4], "denied")) return 0xC0000022;
    logon_data *found = *data = calloc(1, sizeof *found);
    found->size = sizeof *found;
    found->user = as_words(one[2]);
    found->domain = as_words(one[3]);
    found->session = atol(one[1]);
    found->sid = *one[4] ? one[4] : NULL;
    return 0;
}

uint32_t LsaFreeReturnBuffer(void *memory) { free(memory); return 0; }

uint32_t NtQuerySystemInformation(int what, char *into, int bytes, int *needed) {
    int total = 0;
    char **one;
    system_process *entry = NULL;
    while (row("process", total)) total++;
    *needed = total * (int)sizeof *entry;
    if (what != 5 || *needed > bytes) return 0xC0000004;
    for (int n = 0; (one = row("process", n)); n++) {
        entry = (system_process *)into + n;
        memset(entry, 0, sizeof *entry);
        entry->next = n + 1 < total ? sizeof *entry : 0;
        entry->pid = (void *)atol(one[1]);
        entry->parent = (void *)atol(one[2]);
        entry->created = atoll(one[3]);
        entry->session = atol(one[4]);
        entry->image = as_words(one[6]);
    }
    return 0;
}

uint32_t NtQueryInformationProcess(void *process, int what, char *into, int bytes, int *needed) {
    char **one = numbered("process", (long)process);
    words command = as_words(one[7]);
    memcpy(into + sizeof command, command.text, command.bytes);
    command.text = (wide *)(into + sizeof command);
    memcpy(into, &command, sizeof command);
    return what == 60 ? 0 : 0xC0000003;
}

void *OpenProcess(int access, int inherit, int pid) {
    if (!numbered("process", pid) || numbered("denied", pid)) { errno = 5; return NULL; }
    return (void *)(long)pid;
}

/* born PID START: by the time of the act, that number is of another process */
int GetProcessTimes(void *process, int64_t *created, int64_t *ended, int64_t *kernel, int64_t *user) {
    char **one = numbered("born", (long)process);
    *created = atoll(one ? one[2] : numbered("process", (long)process)[3]);
    return 1;
}

int TerminateProcess(void *process, int status) {
    char text[80];
    snprintf(text, sizeof text, "terminate %ld", (long)process);
    note(text);
    return 1;
}

int CloseHandle(void *handle) { return 1; }
uint64_t GetTickCount64(void) { return number("uptime", 0) * 10; }
void GetSystemTimeAsFileTime(int64_t *now) { *now = number("now", 0); }
int GetComputerNameW(wide *name, int *most) { return widen(row("machine", 0)[1], name, *most) > 0; }
uint32_t RtlGetVersion(uint32_t *version) { version[1] = 10; version[2] = 0; version[3] = 20348; return version[0] == 276 ? 0 : 87; }
int GetCurrentProcessId(void) { return number("own", 0); }
void *LocalFree(void *memory) { free(memory); return NULL; }
int ConvertSidToStringSidW(const char *sid, wide **text) { *text = wide_copy(sid); return 1; }
int IsUserAnAdmin(void) { return number("admin", 1); }

/* ------------------------------------------------------------------------------------------------ accounts and groups
   account NAME SID EXPIRES FLAGS DOMAIN    group NAME SID MEMBER,MEMBER KIND (4 without)    token PID SID,SID */
typedef struct {
    wide *name, *password; uint32_t age, privilege; wide *home, *comment; uint32_t flags; wide *script; uint32_t rights;
    wide *full, *user_comment, *parameters, *workstations; uint32_t last_logon, last_logoff, expires, storage, units;
    char *hours; uint32_t bad, logons; wide *server; uint32_t country, page; char *sid; uint32_t group; wide *profile, *drive; uint32_t expired;
} user_info;
typedef struct { char *sid; uint32_t attributes; } sid_and_attributes;
_Static_assert(__builtin_offsetof(user_info, flags) == 40 && __builtin_offsetof(user_info, expires) == 104, "USER_INFO_4");
_Static_assert(__builtin_offsetof(user_info, sid) == 152 && sizeof(sid_and_attributes) == 16, "USER_INFO_4, SID_AND_ATTRIBUTES");

static void point(void);

/* The counterpart of widen. */
static char *narrow(const wide *text) {
    int length = 0;
    while (text[length]) length++;
    char *copy = calloc(length * 6 + 1, 1), *at = copy;
    for (; *text; text++) at += sprintf(at, *text >= 32 && *text < 127 && *text != '\\' ? "%c" : "\\u%04x", *text);
    return copy;
}

static char **named(const char *kind, int column, const char *name, const char *domain) {
    char **one;
    for (int n = 0; (one = row(kind, n)); n++)
        if (!strcasecmp(one[column], name) && (!domain || !strcasecmp(one[5], domain))) return one;
    return NULL;
}

static char *machine(void) { return row("machine", 0)[1]; }

/* The domain of a row, where none stands for the machine itself. */
static const char *home(char **one) { return one[5] && *one[5] ? one[5] : machine(); }

int ConvertStringSidToSidW(wide *text, char **sid) { *sid = narrow(text); return 1; }

int LookupAccountSidW(void *server, char *sid, wide *name, int *name_most, wide *domain, int *domain_most, int *kind) {
    char **one = named("account", 2, sid, NULL);
    if (fails("LookupAccountSid")) return 0;
    if (!one) { errno = 1332; return 0; }
    widen(one[1], name, *name_most);
    widen(home(one), domain, *domain_most);
    *kind = 1;
    return 1;
}

int LookupAccountNameW(void *server, wide *text, char *sid, int *most, wide *domain, int *domain_most, int *kind) {
    char *name = narrow(text), *split = strstr(name, "\\u005c"), **one;
    if (fails("LookupAccountName")) return 0;
    if ((one = split ? NULL : named("group", 1, name, NULL))) *kind = one[4] && *one[4] ? atoi(one[4]) : 4;
    else {
        if (split) *split = 0;
        for (int n = 0; (one = row("account", n)); n++)
            if (!strcasecmp(one[1], split ? split + 6 : name) && (!split || !strcasecmp(home(one), name))) break;
        *kind = 1;
    }
    if (!one) { errno = 1332; return 0; }
    strcpy(sid, one[2]);
    widen(*kind == 1 ? home(one) : machine(), domain, *domain_most);
    return 1;
}

/* What was set stays from one script to the next. */
static FILE *expiry(const char *sid, const char *mode) {
    char path[4096];
    snprintf(path, sizeof path, "%s.expires.%s", getenv("KICKBOT_WINDOWS"), sid);
    return fopen(path, mode);
}

static char **local(wide *name) {
    char **one, *text = narrow(name);
    for (int n = 0; (one = row("account", n)); n++)
        if (!strcasecmp(one[1], text) && !strcasecmp(home(one), machine())) return one;
    return NULL;
}

int NetUserGetInfo(void *server, wide *name, int level, user_info **into) {
    char **one = local(name);
    if (fails("NetUserGetInfo") || level != 4) return 5;
    if (!one) return 2221;
    user_info *info = *into = calloc(1, sizeof *info);
    info->name = wide_copy(one[1]);
    info->flags = atol(one[4]);
    info->expires = strtoul(one[3], NULL, 10);
    info->sid = one[2];
    FILE *set = expiry(one[2], "r");
    if (set) { if (fscanf(set, "%u", &info->expires) != 1) abort(); fclose(set); }
    return 0;
}

int NetUserSetInfo(void *server, wide *name, int level, uint32_t *value, int *wrong) {
    char text[200], **one = local(name);
    if (level != 1017 || fails("NetUserSetInfo")) return 5;
    if (!one) return 2221;
    snprintf(text, sizeof text, "expires %s %u", one[1], *value);
    point();
    FILE *set = expiry(one[2], "w");
    fprintf(set, "%u\n", *value);
    fclose(set);
    note(text);
    point();
    return 0;
}

int NetLocalGroupGetMembers(void *server, wide *group, int level, char ***into, int most, int *length, int *all, void *resume) {
    char **one = named("group", 1, narrow(group), NULL);
    if (fails("NetLocalGroupGetMembers") || level != 0) return 5;
    if (!one) return 1376;
    *into = calloc(100, sizeof **into);
    char *rest = strdup(one[3]), *member;
    for (*length = 0; (member = strsep(&rest, ",")); ) if (*member) (*into)[(*length)++] = member;
    *all = *length;
    return 0;
}

/* inside DOMAIN\\NAME GROUP,GROUP: without such a row Windows does not say */
int NetUserGetLocalGroups(void *server, wide *user, int level, int flags, wide ***into, int most, int *length, int *all) {
    char **one = found("inside", narrow(user)), *rest = strdup(one ? one[2] : ""), *group;
    if (!one || level || flags != 1) return 2221;
    *into = calloc(100, sizeof **into);
    for (*length = 0; (group = strsep(&rest, ",")); ) if (*group) (*into)[(*length)++] = wide_copy(group);
    *all = *length;
    return 0;
}

int NetApiBufferFree(void *memory) { free(memory); return 0; }

int OpenProcessToken(void *process, int access, void **token) {
    char **one = numbered("token", (long)process);
    *token = process;
    errno = 5;
    return access == 8 && !(one && !strcmp(one[2], "denied"));
}

int GetTokenInformation(void *token, int what, char *into, int bytes, int *needed) {
    char **one = numbered("token", (long)token), *rest = strdup(one ? one[2] : ""), *group;
    int length = 0;
    sid_and_attributes all[100];
    while ((group = strsep(&rest, ","))) if (*group) all[length++] = (sid_and_attributes){group, 4};
    *needed = 8 + length * sizeof *all;
    errno = 122;
    if (what != 2 || bytes < *needed) return 0;
    *(uint32_t *)into = length;
    memcpy(into + 8, all, length * sizeof *all);
    return 1;
}

/* ------------------------------------------------------------------------------------------------ files: they are real */
int GetSystemWindowsDirectoryW(wide *path, int most) {
    char text[4096];
    snprintf(text, sizeof text, "%s.windows", getenv("KICKBOT_WINDOWS"));
    return widen(text, path, most);
}

int ConvertStringSecurityDescriptorToSecurityDescriptorW(wide *text, int revision, char **descriptor, void *size) { *descriptor = narrow(text); return 1; }

int CreateDirectoryW(wide *path, struct { uint32_t size; char *descriptor; int inherit; } *security) {
    if (security->size != 24 || strcmp(security->descriptor, "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)")) { errno = 87; return 0; }
    if (!mkdir(narrow(path), 0700)) return 1;
    errno = errno == EEXIST ? 183 : 3;
    return 0;
}

void *CreateFileW(wide *path, uint32_t access, int share, void *security, int how, int flags, void *template) {
    int file = open(narrow(path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0 && access == 0x40000000 && share == 0 && how == 4 && !flock(file, LOCK_EX | LOCK_NB)) return (void *)(long)file;
    note("waits");
    errno = 32;
    return (void *)-1;
}

static void point(void) {
    static int reached;
    const char *at = getenv("KICKBOT_DIE_AT");
    if (!at || strncmp(program_invocation_short_name, "mono", 4) || ++reached != atoi(at)) return;
    char text[80];
    snprintf(text, sizeof text, "signalled %d", getpid());
    note(text);
    kill(getpid(), atoi(getenv("KICKBOT_SIGNAL")));
}

static int kept(const char *path) { return strstr(path, ".windows/Kickbot") != NULL; }

#define REAL(name) ((int (*)())dlsym(RTLD_NEXT, #name))
#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        int mode = va_arg(more, int), counts = kept(path) && flags & (O_WRONLY | O_RDWR); \
        va_end(more); \
        if (counts) point(); \
        int file = REAL(name)(path, flags, mode); \
        if (counts) point(); \
        return file; \
    }
OPENS(open)
OPENS(open64)
int fsync(int file) { int done = REAL(fsync)(file); point(); return done; }
int mkdir(const char *path, mode_t mode) { int done = REAL(mkdir)(path, mode); if (kept(path)) point(); return done; }
int unlink(const char *path) { int done = REAL(unlink)(path); if (kept(path)) point(); return done; }
int rmdir(const char *path) { int done = REAL(rmdir)(path); if (kept(path)) point(); return done; }
