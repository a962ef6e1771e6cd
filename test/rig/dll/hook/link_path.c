// Names of the object manager to paths of Unix and back, as Wine has them.
#include "node.h"

#define OBJECT_NAME 1 // class of NtQueryObject
#define NAME_MAX 4096

typedef NTSTATUS(CDECL *to_unix_t)(const OBJECT_ATTRIBUTES *, char *, ULONG *, UINT);
typedef NTSTATUS(CDECL *to_windows_t)(const char *, WCHAR *, ULONG *);

static to_unix_t to_unix;
static to_windows_t to_windows;

// Once and early: the loader opens files, and does not bear to be asked for a function meanwhile.
BOOL paths_load(void)
{
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");

    to_unix = (to_unix_t)(void *)GetProcAddress(ntdll, "wine_nt_to_unix_file_name");
    to_windows = (to_windows_t)(void *)GetProcAddress(ntdll, "wine_unix_to_nt_file_name");
    return to_unix && to_windows;
}

BOOL to_utf8(const WCHAR *text, ULONG length, char *out, ULONG size)
{
    ULONG used = 0;

    if (!NT_SUCCESS(RtlUnicodeToUTF8N(out, size - 1, &used, text, length * sizeof(WCHAR))))
        return FALSE;
    out[used] = 0;
    return TRUE;
}

ULONG to_utf16(const char *text, WCHAR *out, ULONG count)
{
    ULONG used = 0;
    ULONG length = 0;

    while (text[length])
        length++;
    if (!NT_SUCCESS(RtlUTF8ToUnicodeN(out, count * sizeof(WCHAR), &used, text, length)))
        return 0;
    return used / sizeof(WCHAR);
}

// A name that is relative to a directory's handle, as a whole one.
static BOOL whole_name(const OBJECT_ATTRIBUTES *attributes, name *out)
{
    const UNICODE_STRING *rest = attributes->ObjectName;
    struct {
        UNICODE_STRING text;
        WCHAR buffer[NAME_MAX];
    } *object = memory_get(sizeof *object);
    ULONG size;
    BOOL ok = FALSE;

    out->heap = NULL;
    out->text.Buffer = NULL;
    if (object && NT_SUCCESS(NtQueryObject(attributes->RootDirectory, OBJECT_NAME, object, sizeof *object, &size))) {
        ULONG length = object->text.Length / sizeof(WCHAR);
        if (length && rest->Length && object->text.Buffer[length - 1] != L'\\' && length < NAME_MAX - 1)
            object->text.Buffer[length++] = L'\\';
        ok = name_set(out, object->text.Buffer, length, rest->Buffer, rest->Length / sizeof(WCHAR));
    }
    memory_free(object);
    return ok;
}

static NTSTATUS ask(const OBJECT_ATTRIBUTES *attributes, BOOL make, char *path)
{
    ULONG size = UNIX_PATH_MAX;
    linux_stat_t st;

    // Wine does not find a link that leads nowhere: whether it is there is looked up here.
    NTSTATUS status = to_unix(attributes, path, &size, DISPOSITION_OPEN_IF);
    if (status == STATUS_NO_SUCH_FILE)
        status = make || !linux_lstat(path, &st) ? 0 : STATUS_OBJECT_NAME_NOT_FOUND;
    // A directory may be named with a backslash at its end, and a link is none then.
    if (NT_SUCCESS(status))
        for (ULONG i = text8_length(path); i > 1 && path[i - 1] == '/'; i--)
            path[i - 1] = 0;
    return status;
}

NTSTATUS unix_path(const OBJECT_ATTRIBUTES *attributes, BOOL make, char *path)
{
    OBJECT_ATTRIBUTES whole;
    name n;

    if (!attributes || !attributes->ObjectName)
        return STATUS_OBJECT_NAME_INVALID;
    if (!attributes->RootDirectory)
        return attributes->ObjectName->Buffer ? ask(attributes, make, path) : STATUS_OBJECT_NAME_INVALID;
    if (!whole_name(attributes, &n))
        return STATUS_OBJECT_NAME_INVALID;
    InitializeObjectAttributes(&whole, &n.text, OBJ_CASE_INSENSITIVE, NULL, NULL);
    NTSTATUS status = ask(&whole, make, path);
    name_free(&n);
    return status;
}

NTSTATUS unix_path_of(PCWSTR path, BOOL make, char *out)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING text;
    name n;

    if (!path || !RtlDosPathNameToNtPathName_U(path, &text, NULL, NULL))
        return STATUS_OBJECT_NAME_INVALID;
    InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, NULL, NULL);
    NTSTATUS status = unix_path(name_resolve(&attributes, make, &n), make, out);
    name_free(&n);
    RtlFreeUnicodeString(&text);
    return status;
}

WCHAR *windows_name(const char *path)
{
    ULONG size = NAME_MAX;
    WCHAR *out = memory_get(NAME_MAX * sizeof(WCHAR));

    if (out && !NT_SUCCESS(to_windows(path, out, &size))) {
        memory_free(out);
        out = NULL;
    }
    return out;
}
