// Keeps an account of the machine itself from logging in again, for a while, and tells how that stands: by its expiry,
// which stops keys, passwords and Remote Desktop. Unlike the mark "disabled" it has a value that nobody writes by hand, so
// that an account which somebody disables meanwhile stays disabled. First the record, then the machine's own task, then the
// account: whoever dies in between leaves something that the task gives back. Each is the same again if it is done twice.

namespace Kickbot
{
    using System;
    using System.IO;
    using System.Text;

    class Holding
    {
        const int LongestAhead = 700000; // seconds
        readonly string id, sid, script;
        readonly string[] words;
        readonly Func<string> refusal;
        readonly Func<bool> late;

        public Holding(string[] words, string script, Func<string> refusal, Func<bool> late)
        {
            sid = words[4]; id = words[5];
            this.words = words; this.script = script; this.refusal = refusal; this.late = late;
        }

        public string Hold(Task own)
        {
            string no = refusal();
            if (no != null) return Act.Refused(no);
            long until = long.Parse(words[6]);
            if (own == null || own.Sid == sid) return Act.Refused("forbidden");
            Account account = Account.OfSid(sid);
            if (account == null) return Act.Refused("gone");
            if (WhyNot(account) != null) return Unable(WhyNot(account));
            if (until <= Held.Now || until > Held.Now + LongestAhead) return Unable("its time is over, or too far away");
            Store.Make(Store.Root);
            if (!Store.Alone()) return Unable("can't take the lock in " + Store.Root);
            if (late()) return Act.Refused("late");
            if (Held.HowItEnded(id) != null) return Unable("that hold is over already");
            return Keep(account, until);
        }

        // Why an account can't be held at all; null if it can.
        static string WhyNot(Account account)
        {
            if (!account.IsLocal)
                return account.Domain + "\\" + account.Name + " is no account of the machine itself: disable it in its directory, by hand";
            return account.Sid.EndsWith("-500") ? account.Name + " is the machine's built-in Administrator, its last way in" : null;
        }

        // Nobody else is at it.
        string Keep(Account account, long until)
        {
            string before = State();
            var held = new Held(sid);
            if (held.Id == "")
            {
                uint expires, flags;
                if (!account.Ask(out expires, out flags)) return Act.Refused("gone");
                if (Directory.Exists(held.Folder)) held.Forget();
                held.Write(id, expires, until, Program());
            }
            if (held.Id != id) return Unable(account.Name + " is held there already, by " + held.Id);
            if (!Timer.Start(held)) { held.Forget(); return Unable("has nothing that would give it back if Kickbot were dead"); }
            string ran = "nothing: it is held already";
            if (!held.IsApplied)
            {
                if (late()) { held.Forget(); return Act.Refused("late"); }
                string why = held.Apply();
                ran = held.Ran;
                if (why != null) { held.Undo(); held.Forget(); return Unable("could not hold " + account.Name + ": " + why); }
            }
            return Told(ran, 0, before, null, "");
        }

        public string Release()
        {
            string no = refusal();
            if (no != null) return Act.Refused(no);
            string before = State();
            var held = new Held(sid);
            held.GiveBack(id, "kickbot");
            return Told(held.Ran, held.Status, before, held.Given, held.Said);
        }

        public string Show()
        {
            string no = refusal();
            return no != null ? Act.Refused(no) : Told("NetUserGetInfo", 0, null, "shown", "");
        }

        static string Unable(string why) { return Json.Object("refused", Json.Text("unable"), "why", Json.Text(why)); }

        // This very script, with other words: what the machine's own task runs.
        string Program() { return script.Replace(Encoded(words), Encoded("give_back", "task", sid)); }

        static string Encoded(params string[] words)
        {
            return Convert.ToBase64String(Encoding.UTF8.GetBytes(string.Join("\0", words)));
        }

        string Told(string ran, int status, string before, string now, string said)
        {
            string[] how = Held.HowItEnded(id) ?? new[] { "", "", "" };
            return Json.Object(
                "ran", Json.Text(ran), "status", Json.Long(status), "said", Json.Text(said),
                "before", before ?? "null", "after", State(), "now", Json.Text(now),
                "how", Json.Text(how[0]), "by", Json.Text(how[1]), "at", Json.Text(how[2]));
        }

        // expires: seconds since 1970.
        string State()
        {
            uint expires = Account.Never, flags = 0;
            Account account = Account.OfSid(sid);
            bool local = account != null && account.IsLocal && account.Ask(out expires, out flags);
            return Json.Object(
                "where", Json.Text(local ? "local" : "directory"),
                "expires", Json.Text(expires == Account.Never ? "" : expires.ToString()),
                "disabled", (flags & Account.Disabled) != 0 ? "true" : "false",
                "timer", Timer.Is(sid) ? "true" : "false", "record", Json.Text(new Held(sid).Id));
        }
    }
}
