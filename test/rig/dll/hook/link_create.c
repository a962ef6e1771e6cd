// Functions of kernel32: CreateSymbolicLinkW, which Wine says yes to and does not make; CreateFileW, which drops the flag that asks for a
// link itself; and FindFirstFile, which does not tell the tag.
#include "node.h"

#define FLAG_DIRECTORY 0x1
#define FLAG_UNPRIVILEGED 0x2 // there are no privileges to need here

typedef HANDLE(WINAPI *CreateFileW_t)(PCWSTR, DWORD, DWORD, SECURITY_ATTRIBUTES *, DWORD, DWORD, HANDLE);
typedef HANDLE(WINAPI *FindFirstFileW_t)(PCWSTR, WIN32_FIND_DATAW *);
typedef HANDLE(WINAPI *FindFirstFileExW_t)(PCWSTR, FINDEX_INFO_LEVELS, void *, FINDEX_SEARCH_OPS, void *, DWORD);
typedef BOOL(WINAPI *FindNextFileW_t)(HANDLE, WIN32_FIND_DATAW *);

static CreateFileW_t real_CreateFileW;
static FindFirstFileW_t real_FindFirstFileW;
static FindFirstFileExW_t real_FindFirstFileExW;
static FindNextFileW_t real_FindNextFileW;

static BOOLEAN WINAPI hook_CreateSymbolicLinkW(PCWSTR link, PCWSTR target, DWORD flags)
{
    char path[UNIX_PATH_MAX];

    if (!link || !target || flags & ~(DWORD)(FLAG_DIRECTORY | FLAG_UNPRIVILEGED)) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    NTSTATUS status = unix_path_of(link, TRUE, path);
    if (NT_SUCCESS(status))
        status = link_make(path, target, flags & FLAG_DIRECTORY);
    if (!NT_SUCCESS(status)) {
        SetLastError(RtlNtStatusToDosError(status));
        return FALSE;
    }
    return TRUE;
}

static HANDLE WINAPI hook_CreateFileW(PCWSTR path, DWORD access, DWORD share, SECURITY_ATTRIBUTES *security, DWORD creation, DWORD flags,
                                      HANDLE template)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING text;
    IO_STATUS_BLOCK io;
    NTSTATUS status;
    HANDLE file;
    name n;
    ULONG options = OPTION_OPEN_REPARSE_POINT | (flags & FILE_FLAG_DELETE_ON_CLOSE ? OPTION_DELETE_ON_CLOSE : 0);

    if (!(flags & FILE_FLAG_OPEN_REPARSE_POINT) || creation != OPEN_EXISTING || !path ||
        !RtlDosPathNameToNtPathName_U(path, &text, NULL, NULL))
        return real_CreateFileW(path, access, share, security, creation, flags, template);
    ULONG inherit = security && security->bInheritHandle ? OBJ_INHERIT : 0;
    InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE | inherit, NULL, NULL);
    // A directory's handle needs the other flag, a link to one included.
    if (!(flags & FILE_FLAG_BACKUP_SEMANTICS))
        options |= OPTION_NON_DIRECTORY_FILE;
    BOOL opened = link_open(&file, access, name_resolve(&attributes, FALSE, &n), &io, DISPOSITION_OPEN, options, &status);
    name_free(&n);
    RtlFreeUnicodeString(&text);
    if (!opened)
        return real_CreateFileW(path, access, share, security, creation, flags, template);
    SetLastError(NT_SUCCESS(status) ? 0 : status == STATUS_FILE_IS_A_DIRECTORY ? ERROR_ACCESS_DENIED : RtlNtStatusToDosError(status));
    return NT_SUCCESS(status) ? file : INVALID_HANDLE_VALUE;
}

static void tell_tag(WIN32_FIND_DATAW *data)
{
    if (!(data->dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT))
        return;
    data->dwReserved0 = data->dwFileAttributes & ATTRIBUTE_SOCKET ? TAG_AF_UNIX : TAG_SYMLINK;
    data->dwFileAttributes &= ~(DWORD)ATTRIBUTE_SOCKET;
}

static HANDLE WINAPI hook_FindFirstFileW(PCWSTR path, WIN32_FIND_DATAW *data)
{
    HANDLE find = real_FindFirstFileW(path, data);

    if (find != INVALID_HANDLE_VALUE)
        tell_tag(data);
    return find;
}

static HANDLE WINAPI hook_FindFirstFileExW(PCWSTR path, FINDEX_INFO_LEVELS level, void *data, FINDEX_SEARCH_OPS search, void *filter,
                                           DWORD flags)
{
    HANDLE find = real_FindFirstFileExW(path, level, data, search, filter, flags);

    if (find != INVALID_HANDLE_VALUE)
        tell_tag(data);
    return find;
}

static BOOL WINAPI hook_FindNextFileW(HANDLE find, WIN32_FIND_DATAW *data)
{
    BOOL more = real_FindNextFileW(find, data);

    if (more)
        tell_tag(data);
    return more;
}

void hook_link_create(void)
{
    patch_kernel32("CreateSymbolicLinkW", hook_CreateSymbolicLinkW, NULL);
    patch_kernel32("CreateFileW", hook_CreateFileW, (void **)&real_CreateFileW);
    patch_kernel32("FindFirstFileW", hook_FindFirstFileW, (void **)&real_FindFirstFileW);
    patch_kernel32("FindFirstFileExW", hook_FindFirstFileExW, (void **)&real_FindFirstFileExW);
    patch_kernel32("FindNextFileW", hook_FindNextFileW, (void **)&real_FindNextFileW);
}
