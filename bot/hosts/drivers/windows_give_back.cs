// Gives back what a hold took, exactly once, whoever asks: Kickbot, or a task of the machine itself, which runs this very
// script from the hold's folder, so that a dead Kickbot leaves nobody locked out.
//
// A hold is a folder, %SystemRoot%\Kickbot\SID, for administrators alone:
//   record         hold ID, sid, before, until (both seconds since 1970), end; cut short, it is none
//   applied        the account was really held; without it, it was never kept out
//   releasing      its state was about to be given back: if it stands as before then, this is why
//   give-back.ps1  this script, with the words that give back
// The end of each is a line in Kickbot\ended. The record goes before its task, and the folder last: the task cleans up.

namespace Kickbot
{
    using System;
    using System.ComponentModel;
    using System.Diagnostics;
    using System.IO;
    using System.Runtime.InteropServices;
    using System.Text;
    using System.Threading;

    static class NativeFile
    {
        [StructLayout(LayoutKind.Sequential)]
        public struct Security { public int Size; public IntPtr Descriptor; public int Inherit; }

        [DllImport("kernel32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
        public static extern IntPtr CreateFileW(
            string path, uint access, int share, IntPtr security, int how, int flags, IntPtr template);
        [DllImport("kernel32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
        public static extern bool CreateDirectoryW(string path, ref Security security);
        [DllImport("kernel32.dll", CharSet = CharSet.Unicode)]
        public static extern int GetSystemWindowsDirectoryW(StringBuilder path, int most);
        [DllImport("advapi32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
        public static extern bool ConvertStringSecurityDescriptorToSecurityDescriptorW(
            string text, int revision, out IntPtr descriptor, IntPtr size);
    }

    // Kickbot's folder below Windows' own, in which only administrators write.
    static class Store
    {
        const string AdministratorsOnly = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
        const int AlreadyThere = 183, InUse = 32, OpenAlways = 4;
        const uint Write = 0x40000000;

        public static string Windows
        {
            get
            {
                var path = new StringBuilder(520);
                if (NativeFile.GetSystemWindowsDirectoryW(path, path.Capacity) == 0) throw new Failed("GetSystemWindowsDirectory", 0);
                return path.ToString();
            }
        }

        public static string Root { get { return Path.Combine(Windows, "Kickbot"); } }

        public static string System32(params string[] names)
        {
            return Path.Combine(Path.Combine(Windows, "System32"), Path.Combine(names));
        }

        public static void Make(string folder)
        {
            var security = new NativeFile.Security { Size = Marshal.SizeOf(typeof(NativeFile.Security)) };
            Machine.Demand(
                NativeFile.ConvertStringSecurityDescriptorToSecurityDescriptorW(AdministratorsOnly, 1, out security.Descriptor, IntPtr.Zero),
                "ConvertStringSecurityDescriptorToSecurityDescriptor");
            bool made = NativeFile.CreateDirectoryW(folder, ref security);
            Machine.Demand(made || Marshal.GetLastWin32Error() == AlreadyThere, "CreateDirectory");
            Native.LocalFree(security.Descriptor);
        }

        // From here on nobody else on this machine holds or gives back, until the process ends. False after 15 seconds.
        public static bool Alone()
        {
            for (int turns = 0; turns < 150; turns++)
            {
                IntPtr file = NativeFile.CreateFileW(Path.Combine(Root, "lock"), Write, 0, IntPtr.Zero, OpenAlways, 0, IntPtr.Zero);
                if (file != new IntPtr(-1)) return true;
                if (Marshal.GetLastWin32Error() != InUse) return false;
                Thread.Sleep(100);
            }
            return false;
        }

        // Empty where there is no such file. It stands in nobody's way who writes or removes it meanwhile.
        public static string Text(string path)
        {
            if (!File.Exists(path)) return "";
            var shared = FileShare.ReadWrite | FileShare.Delete;
            using (var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, shared))) return reader.ReadToEnd();
        }

        // Onto the disk, before anything that relies on it.
        public static void Settle(string path, string text, Encoding encoding = null, FileMode mode = FileMode.Create)
        {
            encoding = encoding ?? new UTF8Encoding(false);
            using (var file = new FileStream(path, mode, FileAccess.Write, FileShare.Read, 4096, FileOptions.WriteThrough))
            {
                byte[] bytes = encoding.GetBytes(text), mark = encoding.GetPreamble();
                file.Write(mark, 0, mark.Length);
                file.Write(bytes, 0, bytes.Length);
                file.Flush(true);
            }
        }
    }

    // A task of the machine's own scheduler, for one account.
    static class Timer
    {
        public static string Named(string sid) { return "Kickbot-hold-" + sid; }

        public static bool Is(string sid) { return Run("/Query", "/TN", Named(sid)) == 0; }

        public static void Stop(string sid) { Run("/Delete", "/TN", Named(sid), "/F"); }

        // The same again for a hold that has one. What came due while the machine was down is done at its start.
        public static bool Start(Held held)
        {
            string description = Path.Combine(held.Folder, "task.xml");
            Store.Settle(description, Description(held), Encoding.Unicode);
            return Run("/Create", "/TN", Named(held.Sid), "/XML", "\"" + description + "\"", "/F") == 0 && Is(held.Sid);
        }

        // Its words are in the machine's language: only its status is read. -1 where there is no such program.
        static int Run(params string[] words)
        {
            var start = new ProcessStartInfo(Store.System32("schtasks.exe"), string.Join(" ", words)) {
                UseShellExecute = false, CreateNoWindow = true, RedirectStandardOutput = true,
            };
            try
            {
                using (Process process = Process.Start(start))
                {
                    process.StandardOutput.ReadToEnd();
                    process.WaitForExit();
                    return process.ExitCode;
                }
            }
            catch (Win32Exception) { return -1; }
        }

        static string Description(Held held)
        {
            string program = Path.Combine(held.Folder, "give-back.ps1").Replace("'", "''");
            string command = "$kickbot = [IO.File]::ReadAllText('" + program + "'); & ([ScriptBlock]::Create($kickbot))";
            return "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n"
                + "<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n"
                + "<RegistrationInfo><Description>Kickbot gives back an account (hold " + held.Id + ")</Description></RegistrationInfo>\n"
                + "<Triggers><TimeTrigger><Repetition><Interval>PT1M</Interval></Repetition><StartBoundary>"
                + Held.Since1970(held.Until).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'") + "</StartBoundary></TimeTrigger>"
                + "<BootTrigger /></Triggers>\n"
                + "<Principals><Principal id=\"System\"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>\n"
                + "<Settings><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>"
                + "<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries><StartWhenAvailable>true</StartWhenAvailable>"
                + "<ExecutionTimeLimit>PT5M</ExecutionTimeLimit></Settings>\n"
                + "<Actions Context=\"System\"><Exec><Command>" + Store.System32("WindowsPowerShell", "v1.0", "powershell.exe")
                + "</Command><Arguments>-NoLogo -NoProfile -NonInteractive -EncodedCommand "
                + Convert.ToBase64String(Encoding.Unicode.GetBytes(command)) + "</Arguments></Exec></Actions>\n</Task>\n";
        }
    }

    // The hold of one account, as its folder has it. Id is empty where there is none.
    class Held
    {
        public const uint HeldUntil = 172800; // 1970-01-03: nobody writes that by hand

        public readonly string Sid, Folder;
        public string Id = "", Ran = "nothing", Said = "", Given = "";
        public int Status;
        public uint Before;
        public long Until;

        public Held(string sid)
        {
            Sid = sid;
            Folder = Path.Combine(Store.Root, sid);
            Read();
        }

        string File(string name) { return Path.Combine(Folder, name); }

        bool Is(string name) { return System.IO.File.Exists(File(name)); }

        public bool IsApplied { get { return Is("applied"); } }

        public static DateTime Since1970(long seconds) { return new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds(seconds); }

        public static long Now { get { return (Machine.Now - 116444736000000000) / 10000000; } }

        void Read()
        {
            Id = "";
            string[] lines = Store.Text(File("record")).Split('\n');
            if (lines.Length != 6 || lines[4] != "end" || lines[1] != "sid " + Sid) return;
            Before = uint.Parse(lines[2].Substring("before ".Length));
            Until = long.Parse(lines[3].Substring("until ".Length));
            Id = lines[0].Substring("hold ".Length);
        }

        public void Write(string id, uint before, long until, string program)
        {
            Store.Make(Folder);
            foreach (string mark in new[] { "applied", "releasing" }) System.IO.File.Delete(File(mark)); // of a folder that could not go
            Store.Settle(File("give-back.ps1"), program);
            Store.Settle(File("record"), "hold " + id + "\nsid " + Sid + "\nbefore " + before + "\nuntil " + until + "\nend\n");
            Read();
        }

        // Null if all went well.
        public string Apply()
        {
            Account account = Account.OfSid(Sid);
            Set(account, HeldUntil);
            if (Stands() != "ours") return Said == "" ? "it did not stay" : Said;
            Store.Settle(File("applied"), "");
            return null;
        }

        void Set(Account account, uint when)
        {
            Ran = "NetUserSetInfo " + account.Name + ": " + (when == Account.Never ? "never expires" : "expires " + Since1970(when).ToString("yyyy-MM-dd HH:mm:ss"));
            Status = account.Expire(when);
            Said = Status == 0 ? "" : "error " + Status;
        }

        public void Undo() { Set(Account.OfSid(Sid), Before); }

        // What stands there now of what the record is about: `before`, `ours`, or `other`, which people made of it.
        string Stands()
        {
            uint expires, flags;
            Account account = Account.OfSid(Sid);
            if (account == null || !account.Ask(out expires, out flags)) return "other";
            return expires == HeldUntil ? "ours" : expires == Before ? "before" : "other";
        }

        // Given: given | never | changed | already | failed | busy.
        public void GiveBack(string id, string by)
        {
            if (!Directory.Exists(Store.Root)) { Given = "already"; return; }
            if (!Store.Alone()) { Given = "busy"; return; }
            Read(); // whoever came first may have been at it until now
            if ((Id == "" || HowItEnded(Id) != null) && Directory.Exists(Folder)) { Forget(); Id = ""; } // somebody died while cleaning up
            if (Id == "" || Id != id) { Given = "already"; return; }
            Given = GivenBack();
            if (Given == "failed") return;
            Store.Settle(Path.Combine(Store.Root, "ended"), "\n" + id + " " + Given + " " + by + " " + Now + " .\n", mode: FileMode.Append);
            Forget();
        }

        string GivenBack()
        {
            string stands = Stands();
            if (stands == "other") return "changed";
            if (stands == "before") return Is("releasing") ? "given" : Is("applied") ? "changed" : "never";
            Store.Settle(File("releasing"), "");
            Undo();
            return Stands() == "before" || Before == HeldUntil ? "given" : "failed";
        }

        // The record is made none before it is taken away: that is on the disk at once.
        public void Forget()
        {
            if (Is("record")) Store.Settle(File("record"), "");
            Timer.Stop(Sid);
            try { Directory.Delete(Folder, true); } catch (IOException) { } // someone reads in it: the next hold takes it away
        }

        // HOW BY SECONDS, by the newest line about it; null if there is none. A line that was cut is none.
        public static string[] HowItEnded(string id)
        {
            string[] found = null;
            foreach (string line in Store.Text(Path.Combine(Store.Root, "ended")).Split('\n'))
            {
                string[] words = line.Split(' ');
                if (words.Length == 5 && words[0] == id) found = new[] { words[1], words[2], words[3] };
            }
            return found;
        }

        // What the machine's own task runs. Not yet due, or not done: it is tried again.
        public static string ByTask(string sid)
        {
            var held = new Held(sid);
            if (held.Id != "" && Now < held.Until) return Json.Object("given", Json.Text("not yet"));
            held.GiveBack(held.Id, "host");
            return Json.Object("given", Json.Text(held.Given));
        }
    }
}
