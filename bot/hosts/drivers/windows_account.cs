// Accounts and groups, by Windows' own functions. Structures are as in lmaccess.h and winnt.h.

namespace Kickbot
{
    using System;
    using System.Collections.Generic;
    using System.Runtime.InteropServices;
    using System.Text;

    static class NativeAccount
    {
        // Level 4, up to what is read here.
        [StructLayout(LayoutKind.Sequential)]
        public struct UserInfo
        {
            public IntPtr Name, Password; public uint PasswordAge, Privilege; public IntPtr Home, Comment; public uint Flags;
            public IntPtr Script; public uint Rights; public IntPtr FullName, UserComment, Parameters, Workstations;
            public uint LastLogon, LastLogoff, Expires, Storage, HoursUnits; public IntPtr Hours; public uint BadPasswords, Logons;
            public IntPtr Server; public uint Country, CodePage; public IntPtr Sid;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct ListedGroup { public IntPtr Sid; public uint Attributes; }

        [DllImport("netapi32.dll", CharSet = CharSet.Unicode)]
        public static extern int NetUserGetInfo(string server, string name, int level, out IntPtr info);
        [DllImport("netapi32.dll", CharSet = CharSet.Unicode)]
        public static extern int NetUserSetInfo(string server, string name, int level, ref uint value, out int wrong);
        [DllImport("netapi32.dll", CharSet = CharSet.Unicode)]
        public static extern int NetLocalGroupGetMembers(
            string server, string group, int level, out IntPtr list, int most, out int count, out int all, IntPtr resume);
        [DllImport("netapi32.dll", CharSet = CharSet.Unicode)]
        public static extern int NetUserGetLocalGroups(
            string server, string user, int level, int flags, out IntPtr list, int most, out int count, out int all);
        [DllImport("netapi32.dll")] public static extern int NetApiBufferFree(IntPtr memory);
        [DllImport("advapi32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
        public static extern bool ConvertStringSidToSidW(string text, out IntPtr sid);
        [DllImport("advapi32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
        public static extern bool LookupAccountSidW(
            string server, IntPtr sid, StringBuilder name, ref int nameMost, StringBuilder domain, ref int domainMost, out int kind);
        [DllImport("advapi32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
        public static extern bool LookupAccountNameW(
            string server, string name, byte[] sid, ref int sidMost, StringBuilder domain, ref int domainMost, out int kind);
        [DllImport("advapi32.dll", SetLastError = true)]
        public static extern bool OpenProcessToken(IntPtr process, int access, out IntPtr token);
        [DllImport("advapi32.dll", SetLastError = true)]
        public static extern bool GetTokenInformation(IntPtr token, int what, IntPtr into, int bytes, out int needed);
    }

    // An account as Windows names it. Of the machine itself only if its domain is the machine's own name: on a domain
    // controller it never is.
    class Account
    {
        const int NoneMapped = 1332, NoSuchUser = 2221, User = 1, LocalGroup = 4, Longest = 1024;
        public const uint Never = 0xFFFFFFFF, Disabled = 2;

        public string Name = "", Domain = "", Sid = "";

        public bool IsLocal { get { return string.Equals(Domain, Machine.Name, StringComparison.OrdinalIgnoreCase); } }

        // Null if nobody has that SID any more.
        public static Account OfSid(string text)
        {
            IntPtr sid;
            Machine.Demand(NativeAccount.ConvertStringSidToSidW(text, out sid), "ConvertStringSidToSid");
            try
            {
                int kind, nameMost = Longest, domainMost = Longest;
                StringBuilder name = new StringBuilder(nameMost), domain = new StringBuilder(domainMost);
                if (NativeAccount.LookupAccountSidW(null, sid, name, ref nameMost, domain, ref domainMost, out kind))
                    return new Account { Name = name.ToString(), Domain = domain.ToString(), Sid = text };
                Machine.Demand(Marshal.GetLastWin32Error() == NoneMapped, "LookupAccountSid");
                return null;
            }
            finally { Native.LocalFree(sid); }
        }

        // Null if there is none; a group is none.
        public static Account Named(string name)
        {
            int kind;
            string whole = name.Contains("\\") ? name : Machine.Name + "\\" + name;
            Account found = Looked(whole, out kind);
            if (found == null || kind != User) return null;
            found.Name = name.Substring(name.IndexOf('\\') + 1);
            return found;
        }

        // The SID of a group, empty if there is none; and whether it is one of the machine itself.
        public static string OfGroup(string name, out bool local)
        {
            int kind;
            Account found = Looked(name, out kind);
            local = kind == LocalGroup;
            return found == null || kind == User ? "" : found.Sid;
        }

        static Account Looked(string name, out int kind)
        {
            int sidMost = Longest, domainMost = Longest;
            var sid = new byte[Longest];
            var domain = new StringBuilder(Longest);
            if (!NativeAccount.LookupAccountNameW(null, name, sid, ref sidMost, domain, ref domainMost, out kind))
            {
                Machine.Demand(Marshal.GetLastWin32Error() == NoneMapped, "LookupAccountName");
                return null;
            }
            GCHandle pinned = GCHandle.Alloc(sid, GCHandleType.Pinned);
            try { return new Account { Domain = domain.ToString(), Sid = Machine.Sid(pinned.AddrOfPinnedObject()) }; }
            finally { pinned.Free(); }
        }

        // When it expires, in seconds since 1970, and its flags. False if the machine has no such account.
        public bool Ask(out uint expires, out uint flags)
        {
            IntPtr info;
            expires = flags = 0;
            int code = NativeAccount.NetUserGetInfo(null, Name, 4, out info);
            if (code == NoSuchUser) return false;
            if (code != 0) throw new Failed("NetUserGetInfo", code);
            try
            {
                var found = Machine.At<NativeAccount.UserInfo>(info, 0);
                expires = found.Expires;
                flags = found.Flags;
                return Machine.Sid(found.Sid) == Sid;
            }
            finally { NativeAccount.NetApiBufferFree(info); }
        }

        // Nothing else of the account is touched: level 1017 is this one number.
        public int Expire(uint when)
        {
            int wrong;
            return NativeAccount.NetUserSetInfo(null, Name, 1017, ref when, out wrong);
        }
    }

    // Who is in which of some groups: by the token of a process of theirs, which has every group by which they came in,
    // also of a domain; and by the group's own list, for whom it took up since. Where no token is shown, groups of the
    // machine itself are asked for by the account's name.
    class Membership
    {
        const int QueryLimited = 0x1000, QueryToken = 8, TokenGroups = 2, NoSuchGroup = 2220, NoSuchAlias = 1376, ThroughOthers = 1;
        readonly Dictionary<string, string> sids = new Dictionary<string, string>();
        readonly Dictionary<string, List<string>> members = new Dictionary<string, List<string>>();
        readonly bool allLocal = true;

        public Membership(IEnumerable<string> groups)
        {
            foreach (string group in groups)
            {
                bool local;
                sids[group] = Account.OfGroup(group, out local);
                allLocal = allLocal && (local || sids[group] == "");
                members[group] = sids[group] == "" ? new List<string>() : Listed(group);
            }
        }

        // Null if it can't be known. tasks: all of that account.
        public List<string> Of(string sid, IEnumerable<Task> tasks)
        {
            foreach (Task task in tasks)
            {
                List<string> token = InToken(task.Pid);
                if (token != null) return Inside(group => token.Contains(sids[group]) || members[group].Contains(sid));
            }
            List<string> named = allLocal ? ByName(Account.OfSid(sid)) : null;
            return named == null ? null : Inside(group => named.Exists(one => Same(one, group)));
        }

        List<string> Inside(Predicate<string> isIn) { return new List<string>(sids.Keys).FindAll(isIn); }

        static bool Same(string one, string other) { return string.Equals(one, other, StringComparison.OrdinalIgnoreCase); }

        // The machine's own groups in which an account is, itself or through another one; null if Windows does not say.
        static List<string> ByName(Account account)
        {
            IntPtr list; int count, all;
            if (account == null) return null;
            string name = account.Domain + "\\" + account.Name;
            if (NativeAccount.NetUserGetLocalGroups(null, name, 0, ThroughOthers, out list, -1, out count, out all) != 0) return null;
            try
            {
                var found = new List<string>();
                for (int i = 0; i < count; i++) found.Add(Marshal.PtrToStringUni(Marshal.ReadIntPtr(list, i * IntPtr.Size)));
                return found;
            }
            finally { NativeAccount.NetApiBufferFree(list); }
        }

        static List<string> Listed(string group)
        {
            IntPtr list; int count, all;
            int code = NativeAccount.NetLocalGroupGetMembers(null, group, 0, out list, -1, out count, out all, IntPtr.Zero);
            if (code == NoSuchGroup || code == NoSuchAlias) return new List<string>(); // of a domain
            if (code != 0) throw new Failed("NetLocalGroupGetMembers", code);
            try
            {
                var found = new List<string>();
                for (int i = 0; i < count; i++) found.Add(Machine.Sid(Marshal.ReadIntPtr(list, i * IntPtr.Size)));
                return found;
            }
            finally { NativeAccount.NetApiBufferFree(list); }
        }

        static List<string> InToken(int pid)
        {
            IntPtr token, process = Native.OpenProcess(QueryLimited, false, pid);
            if (process == IntPtr.Zero) return null;
            try
            {
                if (!NativeAccount.OpenProcessToken(process, QueryToken, out token)) return null;
                try { return Groups(token); } finally { Native.CloseHandle(token); }
            }
            finally { Native.CloseHandle(process); }
        }

        static List<string> Groups(IntPtr token)
        {
            int bytes, size = Marshal.SizeOf(typeof(NativeAccount.ListedGroup));
            NativeAccount.GetTokenInformation(token, TokenGroups, IntPtr.Zero, 0, out bytes);
            IntPtr buffer = Marshal.AllocHGlobal(bytes);
            try
            {
                if (!NativeAccount.GetTokenInformation(token, TokenGroups, buffer, bytes, out bytes)) return null;
                var found = new List<string>();
                for (int i = 0; i < Marshal.ReadInt32(buffer); i++)
                    found.Add(Machine.Sid(Machine.At<NativeAccount.ListedGroup>(buffer, IntPtr.Size + (long)i * size).Sid));
                return found;
            }
            finally { Marshal.FreeHGlobal(buffer); }
        }
    }
}
