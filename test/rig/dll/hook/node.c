// Drive C: as the one there is. Wine takes a path that begins with a slash for a Unix path, when its first part is there: on a machine with a
// /var of its own, /var/lib/kubelet would be on drive Z:.
#include "node.h"

#define DRIVE L"\\??\\C:"
#define DRIVE_LENGTH 6

static BOOL active;

typedef DWORD(WINAPI *GetFullPathNameW_t)(PCWSTR, DWORD, PWSTR, PWSTR *);
static GetFullPathNameW_t real_GetFullPathNameW;

BOOL node_active(void)
{
    return active;
}

BOOL node_name(name *n)
{
    const WCHAR *text = n->text.Buffer;
    ULONG length = n->text.Length / sizeof(WCHAR);
    ULONG at = 0; // of the backslash after the drive

    if (text_prefix(text, length, L"\\??\\Z:\\", 7))
        at = 6;
    else if (text_prefix(text, length, L"\\??\\unix\\", 9))
        at = 8;
    return at && name_set(n, DRIVE, DRIVE_LENGTH, text + at, length - at);
}

static DWORD WINAPI hook_GetFullPathNameW(PCWSTR path, DWORD size, PWSTR buffer, PWSTR *last)
{
    ULONG length = path ? text_length(path) : 0;
    WCHAR *copy;

    if (!length || path[0] != L'/' || path[1] == L'/' || !(copy = memory_get((length + 1) * sizeof(WCHAR))))
        return real_GetFullPathNameW(path, size, buffer, last);
    memcpy(copy, path, length * sizeof(WCHAR));
    copy[0] = L'\\';
    DWORD result = real_GetFullPathNameW(copy, size, buffer, last);
    memory_free(copy);
    return result;
}

// Paths without a drive are meant to be on C:, so that the working directory has to be.
static void enter(void)
{
    WCHAR directory[4];

    // A longer one leaves the buffer alone.
    directory[0] = 0;
    DWORD length = GetCurrentDirectoryW(ARRAYSIZE(directory), directory);
    if (length < ARRAYSIZE(directory) && (directory[0] | 32) == L'c')
        return;
    WCHAR *whole = memory_get((length + 1) * sizeof(WCHAR));
    if (whole && GetCurrentDirectoryW(length + 1, whole) && ((whole[0] | 32) != L'c' || whole[1] != L':'))
        SetCurrentDirectoryW(L"C:\\");
    memory_free(whole);
}

void hook_node(BOOL container)
{
    WCHAR value[4];

    if (container || GetEnvironmentVariableW(L"HCSSIM_NODE", value, ARRAYSIZE(value)) != 1 || value[0] != L'1')
        return;
    if (!linux_there() || !paths_load()) {
        report("HCSSIM_NODE: this Wine keeps system calls from Linux, or has no names of Unix: no symbolic links and no Unix sockets");
        return;
    }
    patch_kernel32("GetFullPathNameW", hook_GetFullPathNameW, (void **)&real_GetFullPathNameW);
    active = TRUE;
    hook_close();
    hook_link_queries();
    hook_link_lists();
    hook_link_create();
    hook_unix_sockets();
    hook_udp();
    enter();
}
