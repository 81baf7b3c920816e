// The verbs. An act compares once more that the machine has exactly its target; it ends in one refusal or in one report.
//
//   look NONCE ACCOUNT [GROUP...]
//   limits NONCE
//   end NONCE NOT_AFTER BOOT SID SESSION LOGON RUNG
//   end_login NONCE NOT_AFTER BOOT SID PID START RUNG
//   warn NONCE NOT_AFTER BOOT SID SESSION LOGON TEXT
//   warn_login NONCE NOT_AFTER BOOT SID PID START TEXT
//   hold NONCE NOT_AFTER BOOT SID HOLD UNTIL
//   release NONCE NOT_AFTER BOOT SID HOLD
//   show_hold NONCE NOT_AFTER BOOT SID HOLD
//   give_back task SID
//
// NOT_AFTER is the uptime in centiseconds; BOOT, LOGON and START are 100 ns since 1601; UNTIL is in seconds since 1970, by
// this machine's clock. ACCOUNT may be empty.

namespace Kickbot
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;

    public static class Script
    {
        // script: the whole script that these words came in.
        public static string Answer(string[] words, string script)
        {
            string said;
            try { said = Said(words, script); }
            catch (EntryPointNotFoundException) { said = Json.Object("trouble", Json.Text("old")); } // its functions came later
            catch (Failed failed)
            {
                said = Json.Object("trouble", Json.Text("failed"), "detail", Json.Text(failed.Function), "code", Json.Long(failed.Code));
            }
            return "kickbot windows 1 " + words[0] + " " + words[1] + "\n" + said + "\n== end " + words[1] + "\n";
        }

        static string Said(string[] words, string script)
        {
            if (!Native.IsUserAnAdmin()) return Json.Object("trouble", Json.Text("not an administrator"));
            try { Process.EnterDebugMode(); } catch (Exception) { } // without it some command lines stay unknown
            switch (words[0])
            {
                case "look": return Look.Said(words[2], new List<string>(words).GetRange(3, words.Length - 3));
                case "limits": return Json.Object();
                case "end": case "warn": return new Act(words).OnSession();
                case "end_login": case "warn_login": return new Act(words).OnTree();
                case "hold": case "release": case "show_hold": return new Act(words).OnAccount(words, script);
                case "give_back": return Held.ByTask(words[2]);
            }
            return Act.Refused("forbidden");
        }
    }

    class Act
    {
        readonly string verb, boot, sid, which, began, last;
        readonly long notAfter;
        readonly Tree tree;

        public Act(string[] words)
        {
            verb = words[0]; boot = words[3]; sid = words[4];
            if (words.Length > 7) { which = words[5]; began = words[6]; last = words[7]; }
            notAfter = long.Parse(words[2]);
            tree = new Tree(Machine.Tasks());
        }

        public static string Refused(string why) { return Json.Object("refused", Json.Text(why)); }

        static string Ran(string what, long status)
        {
            return Json.Object("ran", Json.Text(what), "status", Json.Long(status));
        }

        // Why nothing may be done at all; null if it may.
        string Refusal()
        {
            if (tree.Boot().ToString() != boot) return "rebooted";
            if (!new Task { Sid = sid }.IsOfPeople) return "forbidden";
            return Late ? "late" : null;
        }

        bool Late { get { return Machine.Uptime > notAfter; } }

        Task Own { get { return tree.Find(Native.GetCurrentProcessId()); } }

        // -------------------------------------------------------------------------------------------- a session

        public string OnSession()
        {
            string refusal = Refusal();
            if (refusal != null) return Refused(refusal);
            Login login = Machine.Logins().Find(one => one.Id.ToString() == which);
            if (login == null) return Refused("gone");
            if (login.Logon.ToString() != began || login.Sid != sid) return Refused("changed");
            if (login.Id == 0 || Own == null || Own.Session == login.Id) return Refused("forbidden");
            if (verb == "warn") return Warned(login);
            if (last == "logoff") return LoggedOff(login);
            return last == "kill" ? Killed(login) : Refused("forbidden");
        }

        string LoggedOff(Login login)
        {
            if (Late) return Refused("late");
            return Ran("WTSLogoffSession " + login.Id, Native.WTSLogoffSession(IntPtr.Zero, login.Id, false) ? 0 : LastError);
        }

        // What hangs in it is ended, so that the log-off that was asked for can go on. Never what Windows itself runs there.
        string Killed(Login login)
        {
            if (Late) return Refused("late");
            var ended = EndAll(tree.All.FindAll(task => task.Session == login.Id && task.Sid == sid));
            bool asked = Native.WTSLogoffSession(IntPtr.Zero, login.Id, false);
            return Ran("WTSLogoffSession " + login.Id + "; before it " + Named(ended), asked ? 0 : LastError);
        }

        string Warned(Login login)
        {
            int response;
            if (Late) return Refused("late");
            if (login.State != 0) return Json.Object("untold", Json.Text("nobody is connected"));
            bool sent = Native.WTSSendMessageW(
                IntPtr.Zero, login.Id, "Kickbot", 14, last, last.Length * 2, 0x30, 0, out response, false);
            return sent ? Json.Object("told", Json.Text(login.Station)) : Json.Object("untold", Json.Text("error " + LastError));
        }

        static int LastError { get { return System.Runtime.InteropServices.Marshal.GetLastWin32Error(); } }

        // -------------------------------------------------------------------------------------------- a whole account

        public string OnAccount(string[] words, string script)
        {
            var holding = new Holding(words, script, Refusal, () => Late);
            return verb == "hold" ? holding.Hold(Own) : verb == "release" ? holding.Release() : holding.Show();
        }

        // -------------------------------------------------------------------------------------------- an SSH login

        public string OnTree()
        {
            string refusal = Refusal();
            if (refusal != null) return Refused(refusal);
            Task leader = tree.All.Find(task => task.Pid.ToString() == which);
            if (leader == null) return Refused("gone");
            if (leader.Start.ToString() != began || leader.Sid != sid) return Refused("changed");
            if (Own == null || tree.IsBelow(Own, leader)) return Refused("forbidden");
            if (verb == "warn_login") return Json.Object("untold", Json.Text("nothing reaches who came by SSH"));
            if (last != "terminate") return Refused("forbidden");
            var below = tree.All.FindAll(task => task.Sid == sid && tree.IsBelow(task, leader));
            if (Late) return Refused("late");
            var ended = EndAll(below);
            return Ran(Named(ended), ended.Count == below.Count ? 0 : 1);
        }

        // Those that were ended.
        static List<string> EndAll(List<Task> tasks)
        {
            return tasks.FindAll(Machine.End).ConvertAll(task => task.Pid.ToString());
        }

        static string Named(List<string> ended)
        {
            return "TerminateProcess " + (ended.Count == 0 ? "of none" : string.Join(" ", ended));
        }
    }
}
