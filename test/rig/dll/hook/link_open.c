// Opening the link itself, where a program asks for that or Windows' functions do.
#include "node.h"

#define OBJECT_DONT_REPARSE 0x1000 // OBJ_DONT_REPARSE
#define OPENED 1                   // FILE_OPENED

static WCHAR drive[] = L"\\??\\C:\\";

// DeleteFile, RemoveDirectory and MoveFile act on a link itself ("Symbolic Link Effects on File Systems Functions"). Wine's open for it
// without saying so, with these rights alone; CreateFile asks for the attributes too.
static BOOL for_name(ACCESS_MASK access)
{
    return access & DELETE && !(access & ~(ACCESS_MASK)(DELETE | SYNCHRONIZE));
}

static NTSTATUS kind_fits(ULONG options, BOOL directory)
{
    if (options & OPTION_DIRECTORY_FILE && !directory)
        return STATUS_NOT_A_DIRECTORY;
    if (options & OPTION_NON_DIRECTORY_FILE && directory)
        return STATUS_FILE_IS_A_DIRECTORY;
    return 0;
}

BOOL link_open(PHANDLE handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, PIO_STATUS_BLOCK io, ULONG disposition, ULONG options,
               NTSTATUS *status)
{
    UNICODE_STRING root = {sizeof drive - sizeof(WCHAR), sizeof drive, drive};
    OBJECT_ATTRIBUTES on_drive;
    char path[UNIX_PATH_MAX];
    BOOL directory;
    ULONG tag;
    BOOL refused = attributes && attributes->Attributes & OBJECT_DONT_REPARSE && !(options & OPTION_OPEN_REPARSE_POINT);

    if (disposition != DISPOSITION_OPEN && disposition != DISPOSITION_OPEN_IF)
        return FALSE;
    if (!refused && !(options & OPTION_OPEN_REPARSE_POINT) && !for_name(access))
        return FALSE;
    if (!NT_SUCCESS(unix_path(attributes, FALSE, path)) || !link_look(path, &tag, &directory))
        return FALSE;
    if (refused) {
        *status = STATUS_REPARSE_POINT_ENCOUNTERED;
        return TRUE;
    }
    *status = kind_fits(options, directory);
    if (!NT_SUCCESS(*status))
        return TRUE;
    InitializeObjectAttributes(&on_drive, &root, OBJ_CASE_INSENSITIVE | (attributes->Attributes & OBJ_INHERIT), NULL, NULL);
    *status = real_NtOpenFile(handle, FILE_READ_ATTRIBUTES | SYNCHRONIZE, &on_drive, io,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, OPTION_DIRECTORY_FILE | OPTION_SYNCHRONOUS);
    if (NT_SUCCESS(*status) && !link_keep(*handle, path, (options & OPTION_DELETE_ON_CLOSE) != 0)) {
        NtClose(*handle);
        *status = STATUS_NO_MEMORY;
    }
    if (NT_SUCCESS(*status))
        io->Information = OPENED;
    return TRUE;
}

NTSTATUS link_dangling(const OBJECT_ATTRIBUTES *attributes, NTSTATUS status)
{
    char path[UNIX_PATH_MAX];
    BOOL directory;
    ULONG tag;

    if ((status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_OBJECT_PATH_NOT_FOUND || status == STATUS_NO_SUCH_FILE) &&
        NT_SUCCESS(unix_path(attributes, FALSE, path)) && link_look(path, &tag, &directory) && tag == TAG_AF_UNIX)
        return STATUS_IO_REPARSE_TAG_NOT_HANDLED;
    return status;
}
