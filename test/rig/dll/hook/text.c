// What a C runtime would bring.
#include "hook.h"

// The compiler calls these two for copies of its own, so they must exist by these names and must not become calls of themselves.

void *memcpy(void *to, const void *from, size_t size)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t size)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
    return to;
}

ULONG text_length(const WCHAR *text)
{
    ULONG length = 0;

    while (text[length])
        length++;
    return length;
}

ULONG text8_length(const char *text)
{
    ULONG length = 0;

    while (text[length])
        length++;
    return length;
}

static WCHAR fold(WCHAR c)
{
    if (c < 0x80)
        return c >= L'a' && c <= L'z' ? c - 32 : c;
    return RtlUpcaseUnicodeChar(c);
}

BOOL text_prefix(const WCHAR *text, ULONG length, const WCHAR *prefix, ULONG prefix_length)
{
    if (length < prefix_length)
        return FALSE;
    for (ULONG i = 0; i < prefix_length; i++)
        if (fold(text[i]) != fold(prefix[i]))
            return FALSE;
    return TRUE;
}

void *memory_get(SIZE_T size)
{
    return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size);
}

void memory_free(void *memory)
{
    if (memory)
        HeapFree(GetProcessHeap(), 0, memory);
}
