// Text in the three forms that meet here: UTF-16 of the ABI, UTF-8 of the wire, and copies that the ABI's caller frees.
#include "client.h"

#include <stdio.h>
#include <string.h>

void *sim_alloc(size_t size)
{
    return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size);
}

void sim_free(void *memory)
{
    if (memory)
        HeapFree(GetProcessHeap(), 0, memory);
}

PWSTR sim_wide(const char *utf8)
{
    if (!utf8)
        utf8 = "";
    int count = MultiByteToWideChar(CP_UTF8, 0, utf8, -1, NULL, 0);
    PWSTR text = sim_alloc(count * sizeof(WCHAR));
    if (text)
        MultiByteToWideChar(CP_UTF8, 0, utf8, -1, text, count);
    return text;
}

PWSTR sim_out_text(const char *utf8)
{
    return utf8 && *utf8 ? sim_wide(utf8) : NULL;
}

PWSTR sim_out_copy(PCWSTR text)
{
    size_t size = (wcslen(text) + 1) * sizeof(WCHAR);
    PWSTR copy = size > sizeof(WCHAR) ? sim_alloc(size) : NULL;

    if (copy)
        memcpy(copy, text, size);
    return copy;
}

char *sim_utf8(PCWSTR text)
{
    if (!text)
        text = L"";
    int count = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *utf8 = sim_alloc(count);
    if (utf8)
        WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, count, NULL, NULL);
    return utf8;
}

void sim_guid_text(const GUID *guid, char *text)
{
    const BYTE *d = guid->Data4;
    snprintf(text, 37, "%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid->Data1, guid->Data2, guid->Data3,
             d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
}

BOOL sim_guid_parse(const char *text, GUID *guid)
{
    unsigned long first;
    unsigned part[10];

    if (*text == '{')
        text++;
    int got = sscanf(text, "%8lx-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x", &first, &part[0], &part[1], &part[2], &part[3], &part[4],
                     &part[5], &part[6], &part[7], &part[8], &part[9]);
    if (got != 11)
        return FALSE;
    guid->Data1 = first;
    guid->Data2 = (WORD)part[0];
    guid->Data3 = (WORD)part[1];
    for (int i = 0; i < 8; i++)
        guid->Data4[i] = (BYTE)part[i + 2];
    return TRUE;
}
