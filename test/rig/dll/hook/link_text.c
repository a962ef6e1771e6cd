// Symbolic links of Unix in the place of Windows', so that every program of the prefix follows them.
//
// What Windows keeps in a link and Unix does not is in the link's text: a slash at its end for one that was made as a directory's, "/./" after
// the drive for a target without one. A socket file is a link that leads nowhere, whose text has the address behind it.
#include "node.h"

#define SOCKET_MARK "hcssim:unix:"
#define SOCKET_MARK_LENGTH 12
#define SOCKET_TEXT_LENGTH (SOCKET_MARK_LENGTH + 12) // and the address and the port, hexadecimal

static BOOL starts(const char *text, const char *prefix, ULONG length)
{
    for (ULONG i = 0; i < length; i++)
        if (text[i] != prefix[i])
            return FALSE;
    return TRUE;
}

BOOL link_look(const char *path, ULONG *tag, BOOL *directory)
{
    char text[UNIX_PATH_MAX];
    linux_stat_t st;
    int length = linux_readlink(path, text, sizeof text);

    if (length <= 0)
        return FALSE;
    *tag = length == SOCKET_TEXT_LENGTH && starts(text, SOCKET_MARK, SOCKET_MARK_LENGTH) ? TAG_AF_UNIX : TAG_SYMLINK;
    *directory = *tag == TAG_SYMLINK && (text[length - 1] == '/' || (!linux_stat(path, &st) && LINUX_IS_DIR(st.mode)));
    return TRUE;
}

// Where "/./" ends, or NULL.
static const char *after_drive(const char *text)
{
    for (; *text; text++)
        if (starts(text, "/./", 3))
            return text + 2;
    return NULL;
}

static void backslashes(WCHAR *text, ULONG length)
{
    for (ULONG i = 0; i < length; i++)
        if (text[i] == L'/')
            text[i] = L'\\';
}

// What Windows would show for a text that is not a socket's.
static BOOL read_target(char *text, ULONG length, link_text *out)
{
    WCHAR *name;
    const char *rooted;

    while (length > 1 && text[length - 1] == '/')
        text[--length] = 0;
    rooted = text[0] == '/' ? after_drive(text) : text;
    out->relative = rooted != NULL;
    if (rooted) {
        out->length = to_utf16(rooted, out->target, UNIX_PATH_MAX);
        backslashes(out->target, out->length);
        return out->length != 0;
    }
    name = windows_name(text);
    if (!name)
        return FALSE;
    out->length = text_length(name);
    memcpy(out->target, name, out->length * sizeof(WCHAR));
    memory_free(name);
    return TRUE;
}

BOOL link_read(const char *path, link_text *out)
{
    char text[UNIX_PATH_MAX];

    if (!link_look(path, &out->tag, &out->directory))
        return FALSE;
    out->length = 0;
    out->relative = FALSE;
    if (out->tag == TAG_AF_UNIX)
        return TRUE;
    int length = linux_readlink(path, text, sizeof text);
    return length > 0 && read_target(text, length, out);
}

static BOOL append(char *text, const WCHAR *rest, ULONG length)
{
    ULONG used = text8_length(text);

    if (!to_utf8(rest, length, text + used, UNIX_PATH_MAX - used - 1))
        return FALSE;
    for (; text[used]; used++)
        if (text[used] == '\\')
            text[used] = '/';
    return TRUE;
}

// The path of a target that need not be there: that of its nearest directory which is, and the rest as it is written.
static BOOL absolute_text(PCWSTR target, char *text)
{
    OBJECT_ATTRIBUTES attributes;
    name n;
    BOOL found = FALSE;

    if (!name_of_host(&n, target, text_length(target)))
        return FALSE;
    node_name(&n);
    ULONG whole = n.text.Length / sizeof(WCHAR);
    ULONG length = whole;
    while (length > 4 && !found) { // \??\ .
        // A drive is a directory with its backslash only.
        BOOL drive = n.text.Buffer[length - 1] == L':';
        UNICODE_STRING part = {(USHORT)(length * sizeof(WCHAR)), (USHORT)(length * sizeof(WCHAR)), n.text.Buffer};
        WCHAR root[8];
        if (drive && length < ARRAYSIZE(root)) {
            memcpy(root, n.text.Buffer, length * sizeof(WCHAR));
            root[length] = L'\\';
            part.Buffer = root;
            part.Length = part.MaximumLength = (USHORT)((length + 1) * sizeof(WCHAR));
        }
        InitializeObjectAttributes(&attributes, &part, OBJ_CASE_INSENSITIVE, NULL, NULL);
        found = NT_SUCCESS(unix_path(&attributes, FALSE, text));
        if (!found) {
            while (length > 4 && n.text.Buffer[length - 1] != L'\\')
                length--;
            length--;
        }
    }
    found = found && append(text, n.text.Buffer + length, whole - length);
    name_free(&n);
    return found;
}

// A target that begins with a backslash is on the drive of its link.
static BOOL rooted_text(const char *path, PCWSTR target, char *text)
{
    WCHAR *link = windows_name(path);
    WCHAR drive[] = L"?:\\";
    BOOL ok = link && text_prefix(link, text_length(link), L"\\??\\", 4) && link[5] == L':';

    if (ok) {
        drive[0] = link[4];
        ok = absolute_text(drive, text);
    }
    memory_free(link);
    return ok && append(text, L"/.", 2) && append(text, target, text_length(target));
}

NTSTATUS link_make(const char *path, PCWSTR target, BOOL directory)
{
    char text[UNIX_PATH_MAX] = "";
    BOOL ok;

    if (target[0] == L'\\' && target[1] != L'\\' && !text_prefix(target, text_length(target), L"\\??\\", 4))
        ok = rooted_text(path, target, text);
    else if (target[0] == L'\\' || (target[0] && target[1] == L':'))
        ok = absolute_text(text_prefix(target, text_length(target), L"\\??\\", 4) ? target + 4 : target, text);
    else
        ok = append(text, target, text_length(target));
    ULONG length = text8_length(text);
    if (!ok || !length)
        return STATUS_OBJECT_NAME_INVALID;
    if (directory && text[length - 1] != '/') {
        text[length] = '/';
        text[length + 1] = 0;
    }
    int result = linux_symlink(text, path);
    return result ? linux_status(result) : 0;
}

static ULONG hex_value(const char *text, ULONG digits, BOOL *ok)
{
    ULONG value = 0;

    for (ULONG i = 0; i < digits; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            *ok = FALSE;
        value = value << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return value;
}

static void hex_text(char *text, ULONG value, ULONG digits)
{
    for (ULONG i = digits; i--; value >>= 4)
        text[i] = "0123456789abcdef"[value & 15];
}

BOOL socket_read(const char *path, ULONG *address, USHORT *port)
{
    char text[SOCKET_TEXT_LENGTH + 2];
    BOOL ok = TRUE;

    if (linux_readlink(path, text, sizeof text) != SOCKET_TEXT_LENGTH || !starts(text, SOCKET_MARK, SOCKET_MARK_LENGTH))
        return FALSE;
    *address = hex_value(text + SOCKET_MARK_LENGTH, 8, &ok);
    *port = (USHORT)hex_value(text + SOCKET_MARK_LENGTH + 8, 4, &ok);
    return ok;
}

NTSTATUS socket_make(const char *path, ULONG address, USHORT port)
{
    char text[SOCKET_TEXT_LENGTH + 1] = SOCKET_MARK;

    hex_text(text + SOCKET_MARK_LENGTH, address, 8);
    hex_text(text + SOCKET_MARK_LENGTH + 8, port, 4);
    int result = linux_symlink(text, path);
    return result ? linux_status(result) : 0;
}
