// Addresses of Unix sockets, and the files that they name.
#include "unix_socket.h"

#define PATH_AT FIELD_OFFSET(unix_address, path)

void unix_text(const void *address, int length, char *text)
{
    const unix_address *a = address;
    int i = 0;

    for (; i < length - (int)PATH_AT && i < UNIX_TEXT - 1 && a->path[i]; i++)
        text[i] = a->path[i];
    text[i] = 0;
}

NTSTATUS unix_file(const void *address, int length, BOOL make, char *path)
{
    char text[UNIX_TEXT];
    WCHAR wide[UNIX_TEXT + 1];

    unix_text(address, length, text);
    ULONG count = to_utf16(text, wide, UNIX_TEXT);
    if (!count) // Windows has no abstract names, and gives none by itself
        return STATUS_OBJECT_NAME_INVALID;
    wide[count] = 0;
    return unix_path_of(wide, make, path);
}

BOOL unix_write(const char *text, void *address, int *length)
{
    unix_address a = {UNIX_FAMILY, {0}};
    ULONG size = text8_length(text);

    if (!address || !length || *length < (int)sizeof a.family) {
        SetLastError(WSAEFAULT);
        return FALSE;
    }
    memcpy(a.path, text, size);
    memcpy(address, &a, *length < (int)sizeof a ? (size_t)*length : sizeof a);
    *length = sizeof a;
    return TRUE;
}

// A file that is none of a socket's, and one whose socket is gone, refuse ([assumed] of a file that is no socket's).
BOOL unix_target(const void *address, int length, struct sockaddr_in *in)
{
    char path[UNIX_PATH_MAX];
    ULONG where;
    USHORT port;

    if (!NT_SUCCESS(unix_file(address, length, FALSE, path)) || !socket_read(path, &where, &port)) {
        SetLastError(WSAECONNREFUSED);
        return FALSE;
    }
    memset(in, 0, sizeof *in);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = where;
    in->sin_port = port;
    return TRUE;
}
