// What Windows knows, by its own functions, as plain values. C# 5 and nothing but System.dll, for Windows PowerShell 5.1.
// Structures are as in the headers wtsapi32.h, ntsecapi.h and winternl.h.

namespace Kickbot
{
    using System;
    using System.Collections.Generic;
    using System.Net;
    using System.Runtime.InteropServices;
    using System.Text;

    static class Native
    {
        [StructLayout(LayoutKind.Sequential)]
        public struct ListedSession { public int Id; public IntPtr Station; public int State; }

        [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)]
        public struct SessionInfo
        {
            public int State, Id, BytesIn, BytesOut, FramesIn, FramesOut, CompressedIn, CompressedOut;
            [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 32)] public string Station;
            [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 17)] public string Domain;
            [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 21)] public string User;
            public long Connected, Disconnected, Input, Logon, Now;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct ListedProcess { public int Session; public int Pid; public IntPtr Name; public IntPtr Sid; }

        [StructLayout(LayoutKind.Sequential)]
        public struct Words { public ushort Bytes; public ushort Most; public IntPtr Text; }

        [StructLayout(LayoutKind.Sequential)]
        public struct LogonSession
        {
            public uint Size, IdLow; public int IdHigh;
            public Words User, Domain, Package;
            public uint Type, Session; public IntPtr Sid; public long Logon;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct ProcessInfo
        {
            public uint Next, Threads; public long Private, Faults, Cycles, Created, UserTime, KernelTime;
            public Words Image; public int Priority; public IntPtr Pid, Parent; public uint Handles, Session;
        }

        [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)]
        public struct Version
        {
            public int Size, Major, Minor, Build, Platform;
            [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 128)] public string Pack;
        }

        [DllImport("wtsapi32.dll", SetLastError = true)]
        public static extern bool WTSEnumerateSessionsW(IntPtr server, int reserved, int version, out IntPtr list, out int count);
        [DllImport("wtsapi32.dll", SetLastError = true)]
        public static extern bool WTSQuerySessionInformationW(IntPtr server, int session, int what, out IntPtr value, out int bytes);
        [DllImport("wtsapi32.dll", SetLastError = true)]
        public static extern bool WTSEnumerateProcessesW(IntPtr server, int reserved, int version, out IntPtr list, out int count);
        [DllImport("wtsapi32.dll", SetLastError = true)]
        public static extern bool WTSLogoffSession(IntPtr server, int session, bool wait);
        [DllImport("wtsapi32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
        public static extern bool WTSSendMessageW(IntPtr server, int session, string title, int titleBytes, string text,
            int textBytes, int style, int seconds, out int response, bool wait);
        [DllImport("wtsapi32.dll")] public static extern void WTSFreeMemory(IntPtr memory);
        [DllImport("secur32.dll")] public static extern uint LsaEnumerateLogonSessions(out uint count, out IntPtr list);
        [DllImport("secur32.dll")] public static extern uint LsaGetLogonSessionData(IntPtr id, out IntPtr data);
        [DllImport("secur32.dll")] public static extern uint LsaFreeReturnBuffer(IntPtr memory);
        [DllImport("ntdll.dll")]
        public static extern uint NtQuerySystemInformation(int what, IntPtr into, int bytes, out int needed);
        [DllImport("ntdll.dll")]
        public static extern uint NtQueryInformationProcess(IntPtr process, int what, IntPtr into, int bytes, out int needed);
        [DllImport("kernel32.dll", SetLastError = true)]
        public static extern IntPtr OpenProcess(int access, bool inherit, int pid);
        [DllImport("kernel32.dll")]
        public static extern bool GetProcessTimes(IntPtr process, out long created, out long ended, out long kernel, out long user);
        [DllImport("kernel32.dll", SetLastError = true)] public static extern bool TerminateProcess(IntPtr process, int status);
        [DllImport("kernel32.dll")] public static extern bool CloseHandle(IntPtr handle);
        [DllImport("kernel32.dll")] public static extern ulong GetTickCount64();
        [DllImport("kernel32.dll")] public static extern int GetCurrentProcessId();
        [DllImport("kernel32.dll")] public static extern void GetSystemTimeAsFileTime(out long now);
        [DllImport("kernel32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
        public static extern bool GetComputerNameW(StringBuilder name, ref int most);
        [DllImport("ntdll.dll")] public static extern uint RtlGetVersion(ref Version version);
        [DllImport("kernel32.dll")] public static extern IntPtr LocalFree(IntPtr memory);
        [DllImport("advapi32.dll", SetLastError = true)]
        public static extern bool ConvertSidToStringSidW(IntPtr sid, out IntPtr text);
        [DllImport("shell32.dll")] public static extern bool IsUserAnAdmin();
    }

    // A session in which somebody is logged on. Times are 100 ns since 1601, 0 where there was none.
    class Login
    {
        public int Id, State, Protocol;
        public string User = "", Domain = "", Sid = "", Station = "", Client = "", Address = "";
        public long Logon, Disconnected, Input;
    }

    class Task
    {
        public int Pid, Parent, Session;
        public long Start;
        public string Sid = "", Name = "";

        public bool IsOfPeople { get { return Sid.StartsWith("S-1-5-21-") || Sid.StartsWith("S-1-12-1-"); } }
    }

    // An account with a logon on this machine, by the security authority: it asks no domain controller.
    class Logon
    {
        public int Session;
        public string User, Domain, Sid;
    }

    // A function of Windows that did not do what it should.
    class Failed : Exception
    {
        public readonly string Function;
        public readonly long Code;
        public Failed(string function, long code) : base(function + " failed with " + code) { Function = function; Code = code; }
    }

    static class Machine
    {
        const int UserName = 5, DomainName = 7, ClientName = 10, ClientAddress = 14, Protocol = 16, Session = 24;
        const uint TooSmall = 0xC0000004;
        const int QueryLimited = 0x1000, Terminate = 1;

        public static long Uptime { get { return (long)(Native.GetTickCount64() / 10); } }

        public static long Now { get { long now; Native.GetSystemTimeAsFileTime(out now); return now; } }

        public static string Name
        {
            get
            {
                int most = 64;
                var name = new StringBuilder(most);
                Demand(Native.GetComputerNameW(name, ref most), "GetComputerName");
                return name.ToString();
            }
        }

        public static string Version
        {
            get
            {
                var version = new Native.Version { Size = Marshal.SizeOf(typeof(Native.Version)) };
                Native.RtlGetVersion(ref version);
                return "Windows " + version.Major + "." + version.Minor + "." + version.Build;
            }
        }

        public static void Demand(bool done, string function)
        {
            if (!done) throw new Failed(function, Marshal.GetLastWin32Error());
        }

        public static T At<T>(IntPtr list, long offset)
        {
            return (T)Marshal.PtrToStructure(new IntPtr(list.ToInt64() + offset), typeof(T));
        }

        static string Text(Native.Words words)
        {
            return words.Text == IntPtr.Zero ? "" : Marshal.PtrToStringUni(words.Text, words.Bytes / 2);
        }

        public static string Sid(IntPtr sid)
        {
            IntPtr text;
            if (sid == IntPtr.Zero || !Native.ConvertSidToStringSidW(sid, out text)) return "";
            try { return Marshal.PtrToStringUni(text); } finally { Native.LocalFree(text); }
        }

        // -------------------------------------------------------------------------------------------- logins

        public static List<Login> Logins()
        {
            IntPtr list; int count;
            Demand(Native.WTSEnumerateSessionsW(IntPtr.Zero, 0, 1, out list, out count), "WTSEnumerateSessions");
            var found = new List<Login>();
            var logons = Logons();
            try
            {
                int size = Marshal.SizeOf(typeof(Native.ListedSession));
                for (int i = 0; i < count; i++)
                {
                    Login login = Described(At<Native.ListedSession>(list, (long)i * size).Id, logons);
                    if (login != null) found.Add(login);
                }
            }
            finally { Native.WTSFreeMemory(list); }
            return found;
        }

        // Null for listeners, services and screens at which nobody is logged on, and for one that has just ended.
        static Login Described(int id, List<Logon> logons)
        {
            IntPtr value; int bytes;
            string user = Asked(id, UserName);
            if (string.IsNullOrEmpty(user)) return null;
            if (!Native.WTSQuerySessionInformationW(IntPtr.Zero, id, Session, out value, out bytes)) return null;
            try
            {
                if (bytes < Marshal.SizeOf(typeof(Native.SessionInfo))) throw new Failed("WTSQuerySessionInformation", bytes);
                var info = At<Native.SessionInfo>(value, 0);
                var login = new Login {
                    Id = id, State = info.State, Station = info.Station, Logon = info.Logon,
                    Disconnected = info.Disconnected, Input = info.Input,
                    User = user, Domain = Asked(id, DomainName), Client = Asked(id, ClientName),
                };
                login.Sid = SidOf(login, logons);
                login.Protocol = ProtocolOf(id);
                login.Address = AddressOf(id);
                return login;
            }
            finally { Native.WTSFreeMemory(value); }
        }

        static string Asked(int id, int what)
        {
            IntPtr value; int bytes;
            if (!Native.WTSQuerySessionInformationW(IntPtr.Zero, id, what, out value, out bytes)) return "";
            try { return Marshal.PtrToStringUni(value) ?? ""; } finally { Native.WTSFreeMemory(value); }
        }

        static int ProtocolOf(int id)
        {
            IntPtr value; int bytes;
            if (!Native.WTSQuerySessionInformationW(IntPtr.Zero, id, Protocol, out value, out bytes)) return -1;
            try { return bytes < 2 ? -1 : Marshal.ReadInt16(value); } finally { Native.WTSFreeMemory(value); }
        }

        // As the client tells it. An IPv4 address stands behind two bytes of nothing.
        static string AddressOf(int id)
        {
            IntPtr value; int bytes;
            if (!Native.WTSQuerySessionInformationW(IntPtr.Zero, id, ClientAddress, out value, out bytes)) return "";
            try
            {
                if (bytes < 24) return "";
                int family = Marshal.ReadInt32(value);
                var address = new byte[family == 2 ? 4 : 16];
                Marshal.Copy(new IntPtr(value.ToInt64() + (family == 2 ? 6 : 4)), address, 0, address.Length);
                return family == 2 || family == 23 ? new IPAddress(address).ToString() : "";
            }
            finally { Native.WTSFreeMemory(value); }
        }

        // Empty if it isn't known, or if more than one has that name there.
        static string SidOf(Login login, List<Logon> logons)
        {
            string found = "";
            foreach (Logon logon in logons)
            {
                bool same = logon.Session == login.Id && Same(logon.User, login.User) && Same(logon.Domain, login.Domain);
                if (!same || logon.Sid == found) continue;
                if (found != "") return "";
                found = logon.Sid;
            }
            return found;
        }

        static bool Same(string one, string other)
        {
            return string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
        }

        public static List<Logon> Logons()
        {
            uint count; IntPtr list;
            uint status = Native.LsaEnumerateLogonSessions(out count, out list);
            if (status != 0) throw new Failed("LsaEnumerateLogonSessions", status);
            var found = new List<Logon>();
            try
            {
                for (int i = 0; i < count; i++)
                {
                    IntPtr data;
                    if (Native.LsaGetLogonSessionData(new IntPtr(list.ToInt64() + 8L * i), out data) != 0 || data == IntPtr.Zero) continue;
                    try
                    {
                        var one = At<Native.LogonSession>(data, 0);
                        string sid = Sid(one.Sid);
                        if (sid != "") found.Add(new Logon { Session = (int)one.Session, User = Text(one.User), Domain = Text(one.Domain), Sid = sid });
                    }
                    finally { Native.LsaFreeReturnBuffer(data); }
                }
            }
            finally { Native.LsaFreeReturnBuffer(list); }
            return found;
        }

        // -------------------------------------------------------------------------------------------- processes

        public static List<Task> Tasks()
        {
            var found = new List<Task>();
            var sids = Owners();
            IntPtr buffer = ListOfProcesses();
            try
            {
                long offset = 0;
                while (true)
                {
                    var one = At<Native.ProcessInfo>(buffer, offset);
                    var task = new Task {
                        Pid = one.Pid.ToInt32(), Parent = one.Parent.ToInt32(), Session = (int)one.Session,
                        Start = one.Created, Name = Text(one.Image),
                    };
                    string sid;
                    if (sids.TryGetValue(task.Pid, out sid)) task.Sid = sid;
                    found.Add(task);
                    if (one.Next == 0) return found;
                    offset += one.Next;
                }
            }
            finally { Marshal.FreeHGlobal(buffer); }
        }

        static IntPtr ListOfProcesses()
        {
            int bytes = 1 << 20;
            while (true)
            {
                int needed;
                IntPtr buffer = Marshal.AllocHGlobal(bytes);
                uint status = Native.NtQuerySystemInformation(5, buffer, bytes, out needed);
                if (status == 0) return buffer;
                Marshal.FreeHGlobal(buffer);
                if (status != TooSmall || bytes > 1 << 28) throw new Failed("NtQuerySystemInformation", status);
                bytes *= 2;
            }
        }

        static Dictionary<int, string> Owners()
        {
            IntPtr list; int count;
            Demand(Native.WTSEnumerateProcessesW(IntPtr.Zero, 0, 1, out list, out count), "WTSEnumerateProcesses");
            var found = new Dictionary<int, string>();
            try
            {
                int size = Marshal.SizeOf(typeof(Native.ListedProcess));
                for (int i = 0; i < count; i++)
                {
                    var one = At<Native.ListedProcess>(list, (long)i * size);
                    found[one.Pid] = Sid(one.Sid);
                }
            }
            finally { Native.WTSFreeMemory(list); }
            return found;
        }

        // Empty where Windows doesn't tell it.
        public static string CommandLine(int pid)
        {
            IntPtr process = Native.OpenProcess(QueryLimited, false, pid);
            if (process == IntPtr.Zero) return "";
            IntPtr buffer = Marshal.AllocHGlobal(1 << 16 | 64);
            try
            {
                int needed;
                uint status = Native.NtQueryInformationProcess(process, 60, buffer, 1 << 16 | 64, out needed);
                return status == 0 ? Text(At<Native.Words>(buffer, 0)) : "";
            }
            finally { Marshal.FreeHGlobal(buffer); Native.CloseHandle(process); }
        }

        // True if exactly that process was ended: a handle is held while its start is compared, so that no other one gets its pid.
        public static bool End(Task task)
        {
            long created, ended, kernel, user;
            IntPtr process = Native.OpenProcess(QueryLimited | Terminate, false, task.Pid);
            if (process == IntPtr.Zero) return false;
            try
            {
                return Native.GetProcessTimes(process, out created, out ended, out kernel, out user)
                    && created == task.Start && Native.TerminateProcess(process, 1);
            }
            finally { Native.CloseHandle(process); }
        }
    }
}
