// Everything that one look tells, as JSON in ASCII and without a space: no code page of a console can change it, and a
// PowerShell on the way that breaks long lines only adds line ends.

namespace Kickbot
{
    using System;
    using System.Collections.Generic;
    using System.Text;

    static class Json
    {
        public static string Text(string text)
        {
            var said = new StringBuilder("\"");
            foreach (char c in text ?? "")
            {
                if (c <= ' ' || c > '~' || c == '"' || c == '\\') said.AppendFormat("\\u{0:x4}", (int)c);
                else said.Append(c);
            }
            return said.Append('"').ToString();
        }

        // 64 bits are more than a number of JSON holds for sure.
        public static string Long(long number) { return Text(number.ToString()); }

        public static string Object(params string[] keysAndValues)
        {
            var said = new StringBuilder("{");
            for (int i = 0; i < keysAndValues.Length; i += 2)
            {
                if (i > 0) said.Append(',');
                said.Append(Text(keysAndValues[i])).Append(':').Append(keysAndValues[i + 1]);
            }
            return said.Append('}').ToString();
        }

        public static string List(IEnumerable<string> values) { return "[" + string.Join(",", values) + "]"; }
    }

    // Which process descends from which: a parent's number may be of a younger process by now, which is none.
    class Tree
    {
        public readonly List<Task> All;
        readonly Dictionary<int, Task> byPid = new Dictionary<int, Task>();

        public Tree(List<Task> all)
        {
            All = all;
            foreach (Task task in all) byPid[task.Pid] = task;
        }

        public Task Find(int pid) { Task found; return byPid.TryGetValue(pid, out found) ? found : null; }

        public Task Parent(Task task)
        {
            Task parent = Find(task.Parent);
            return parent != null && parent != task && parent.Start <= task.Start ? parent : null;
        }

        public bool IsBelow(Task task, Task ancestor)
        {
            for (int depth = 0; task != null && depth < 1000; depth++, task = Parent(task)) if (task == ancestor) return true;
            return false;
        }

        // When the kernel started, by the clock as it was then: the start of its own process, or of the first one after it.
        public long Boot()
        {
            foreach (Task task in All) if (task.Pid == 4 && task.Start > 0) return task.Start;
            foreach (Task task in All) if (task.Parent == 4 && task.Name.ToLowerInvariant() == "smss.exe") return task.Start;
            throw new Failed("NtQuerySystemInformation", 0);
        }
    }

    static class Look
    {
        // account: whose name is to be looked up, or empty. groups: of which it is to be told who is in them.
        public static string Said(string account, List<string> groups)
        {
            var tree = new Tree(Machine.Tasks());
            var logins = new List<string>();
            foreach (Login login in Machine.Logins()) logins.Add(Said(login));
            var tasks = new List<string>();
            foreach (Task task in tree.All) tasks.Add(Said(task));
            return Json.Object(
                "boot", Json.Long(tree.Boot()), "uptime", Json.Long(Machine.Uptime),
                "now", Json.Long(Machine.Now), "system", Json.Text(Machine.Version),
                "machine", Json.Text(Machine.Name), "own", Json.Long(Native.GetCurrentProcessId()),
                "logons", Json.List(Accounts()), "sessions", Json.List(logins), "processes", Json.List(tasks),
                "asked", Json.List(Asked(account)), "memberships", Json.List(Memberships(tree.All, groups)));
        }

        static string Said(Login login)
        {
            return Json.Object(
                "id", Json.Long(login.Id), "state", Json.Long(login.State), "protocol", Json.Long(login.Protocol),
                "user", Json.Text(login.User), "domain", Json.Text(login.Domain), "sid", Json.Text(login.Sid),
                "station", Json.Text(login.Station), "client", Json.Text(login.Client), "address", Json.Text(login.Address),
                "logon", Json.Long(login.Logon), "disconnected", Json.Long(login.Disconnected), "input", Json.Long(login.Input));
        }

        static string Said(Task task)
        {
            string command = task.IsOfPeople ? Machine.CommandLine(task.Pid) : "";
            return Json.Object(
                "pid", Json.Long(task.Pid), "parent", Json.Long(task.Parent), "start", Json.Long(task.Start),
                "session", Json.Long(task.Session), "sid", Json.Text(task.Sid), "name", Json.Text(task.Name),
                "command", Json.Text(command));
        }

        // Each account that has a logon here, once.
        static List<string> Accounts()
        {
            var known = new Dictionary<string, bool>();
            var said = new List<string>();
            foreach (Logon logon in Machine.Logons())
            {
                if (logon.User == "" || known.ContainsKey(logon.Sid)) continue;
                known[logon.Sid] = true;
                said.Add(Json.Object("sid", Json.Text(logon.Sid), "user", Json.Text(logon.User), "domain", Json.Text(logon.Domain)));
            }
            return said;
        }

        static List<string> Asked(string name)
        {
            var said = new List<string>();
            Account found = name == "" ? null : Account.Named(name);
            if (found != null)
                said.Add(Json.Object("sid", Json.Text(found.Sid), "user", Json.Text(found.Name), "domain", Json.Text(found.Domain)));
            return said;
        }

        // Each account of whose groups something is known. Nothing is, where Windows does not say what is in a group.
        static List<string> Memberships(List<Task> tasks, List<string> groups)
        {
            var said = new List<string>();
            if (groups.Count == 0) return said;
            Membership membership;
            try { membership = new Membership(groups); } catch (Failed) { return said; }
            var known = new Dictionary<string, bool>();
            foreach (Task task in tasks)
            {
                if (!task.IsOfPeople || known.ContainsKey(task.Sid)) continue;
                known[task.Sid] = true;
                List<string> inside = membership.Of(task.Sid, tasks.FindAll(other => other.Sid == task.Sid));
                if (inside != null)
                    said.Add(Json.Object("sid", Json.Text(task.Sid), "groups", Json.List(inside.ConvertAll(Json.Text))));
            }
            return said;
        }
    }
}
