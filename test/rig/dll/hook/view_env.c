// The container's view in the environment: read when the DLL is attached, and handed on to processes that are started.
#include "hook.h"

static const WCHAR *const names[] = {L"HCSSIM_ROOT", L"HCSSIM_MOUNTS", L"HCSSIM_PIPES", L"HCSSIM_ADDRESS", L"HCSSIM_HOSTNAME"};
static WCHAR *values[ARRAYSIZE(names)];

#define OURS L"HCSSIM_"
#define OURS_LENGTH 7
#define DIRECTORY L"HCSSIM_CWD"

const WCHAR *view_variable(view_name which)
{
    if (!values[which]) {
        DWORD size = GetEnvironmentVariableW(names[which], NULL, 0);
        if (size > 1)
            values[which] = memory_get(size * sizeof(WCHAR));
        if (values[which])
            GetEnvironmentVariableW(names[which], values[which], size);
        // The container's programs do not see that their addresses are not real ones.
        if (which >= VIEW_ADDRESS && values[which])
            SetEnvironmentVariableW(names[which], NULL);
    }
    return values[which];
}

// The service starts the process in the host directory that its working directory stands for: from here on it goes by its own name.
// The variable goes, because it says nothing about the processes that this one will start.
void view_enter(void)
{
    DWORD size = GetEnvironmentVariableW(DIRECTORY, NULL, 0);
    WCHAR *directory = size > 1 ? memory_get(size * sizeof(WCHAR)) : NULL;

    if (!directory)
        return;
    GetEnvironmentVariableW(DIRECTORY, directory, size);
    if (!SetCurrentDirectoryW(directory))
        report("HCSSIM_CWD is not a directory");
    SetEnvironmentVariableW(DIRECTORY, NULL);
    memory_free(directory);
}

typedef struct block {
    WCHAR *text; // NULL while the size is counted
    SIZE_T length;
} block;

static void add(block *b, const WCHAR *text, SIZE_T length)
{
    if (b->text)
        memcpy(b->text + b->length, text, length * sizeof(WCHAR));
    b->length += length;
}

static void add_variable(block *b, const WCHAR *variable, const WCHAR *value, SIZE_T value_length)
{
    add(b, variable, text_length(variable));
    add(b, L"=", 1);
    add(b, value, value_length);
    add(b, L"", 1); // its terminator
}

static void fill(block *b, const WCHAR *old, const UNICODE_STRING *directory)
{
    while (old && *old) {
        ULONG length = text_length(old) + 1;
        if (!text_prefix(old, length, OURS, OURS_LENGTH))
            add(b, old, length);
        old += length;
    }
    for (ULONG i = 0; i < ARRAYSIZE(names); i++)
        if (values[i])
            add_variable(b, names[i], values[i], text_length(values[i]));
    if (directory)
        add_variable(b, DIRECTORY, directory->Buffer, directory->Length / sizeof(WCHAR));
    add(b, L"", 1);
}

WCHAR *view_environment(const WCHAR *old, const UNICODE_STRING *directory, SIZE_T *size)
{
    block b = {NULL, 0};

    fill(&b, old, directory);
    *size = b.length * sizeof(WCHAR);
    b.text = memory_get(*size);
    b.length = 0;
    if (b.text)
        fill(&b, old, directory);
    return b.text;
}

BOOL view_in(const WCHAR *environment)
{
    while (environment && *environment) {
        ULONG length = text_length(environment);
        for (ULONG i = 0; i < ARRAYSIZE(names); i++) {
            ULONG name_length = text_length(names[i]);
            if (length > name_length && environment[name_length] == L'=' && text_prefix(environment, length, names[i], name_length))
                return TRUE;
        }
        environment += length + 1;
    }
    return FALSE;
}
