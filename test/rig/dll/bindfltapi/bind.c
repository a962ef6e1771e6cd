// bindfltapi.dll (hcs-api §6.3): the bind filter's mappings, kept by the service. Wine has no filter, so a mapping is a record, and something
// that the hook shows to the process that made it; what was mapped can be asked for and removed, and removing what is none is the error that
// containerd's unmount relies on.
//
// A mapping of one silo only (a job handle, for HostProcess containers) and exceptions are refused: nothing could honour them.
#include "sim.h"

#include <stdlib.h>

// The hook is a DLL of every Go program.
static void *of_hook(const char *function)
{
    HMODULE hook = GetModuleHandleW(L"bcryptprimitives.dll");

    return hook ? (void *)GetProcAddress(hook, function) : NULL;
}

HCS_EXPORT HRESULT WINAPI BfSetupFilter(HANDLE job, ULONG flags, PCWSTR root, PCWSTR target, PCWSTR *exceptions, ULONG count)
{
    (void)exceptions;
    if (!root || !target)
        return CODE_INVALID_ARGUMENT;
    if (job || count)
        return CODE_NOT_SUPPORTED;
    sim_request *request = sim_new("BfSetupFilter");
    sim_add_number(request, flags);
    sim_add_text(request, root);
    sim_add_text(request, target);
    HRESULT result = sim_call(request, SIM_ANY_EPOCH, NULL);
    void(WINAPI *map)(PCWSTR, PCWSTR) = of_hook("HostMap");
    if (SUCCEEDED(result) && map)
        map(root, target);
    return result;
}

HCS_EXPORT HRESULT WINAPI BfRemoveMapping(HANDLE job, PCWSTR root)
{
    if (!root)
        return CODE_INVALID_ARGUMENT;
    if (job)
        return CODE_NOT_SUPPORTED;
    sim_request *request = sim_new("BfRemoveMapping");
    sim_add_text(request, root);
    HRESULT result = sim_call(request, SIM_ANY_EPOCH, NULL);
    void(WINAPI *unmap)(PCWSTR) = of_hook("HostUnmap");
    if (SUCCEEDED(result) && unmap)
        unmap(root);
    return result;
}

// The answer's layout, as go-winio's bindfilter reads it: header, entries, then per entry its target entry and texts.
typedef struct mappings_header {
    ULONG size;
    ULONG status;
    ULONG count;
} mappings_header;

typedef struct mapping_entry {
    ULONG root_length; // bytes
    ULONG root_offset;
    ULONG flags;
    ULONG targets;
    ULONG targets_offset;
} mapping_entry;

typedef struct mapping_target {
    ULONG length; // bytes
    ULONG offset;
} mapping_target;

#define MAPPING_FIELDS 3 // of the service's answer: root, target, flags

static ULONG text_size(const sim_reply *reply, UINT32 field)
{
    return (ULONG)(MultiByteToWideChar(CP_UTF8, 0, sim_field(reply, field), -1, NULL, 0) - 1) * sizeof(WCHAR);
}

// Writes the text and returns the offset behind it.
static ULONG put_text(BYTE *buffer, ULONG at, const sim_reply *reply, UINT32 field)
{
    ULONG size = text_size(reply, field);
    PWSTR text = sim_wide(sim_field(reply, field));

    if (text)
        memcpy(buffer + at, text, size);
    sim_free(text);
    return at + size;
}

static HRESULT write_mappings(const sim_reply *reply, ULONG *size, BYTE *buffer)
{
    UINT32 count = reply->count / MAPPING_FIELDS;
    ULONG need = sizeof(mappings_header) + count * (sizeof(mapping_entry) + sizeof(mapping_target));
    ULONG room = *size;

    for (UINT32 i = 0; i < count; i++)
        need += text_size(reply, i * MAPPING_FIELDS) + text_size(reply, i * MAPPING_FIELDS + 1);
    *size = need;
    if (!buffer || room < need)
        return CODE_MORE_DATA;
    mappings_header header = {need, 0, count};
    memcpy(buffer, &header, sizeof header);
    ULONG target_at = sizeof header + count * sizeof(mapping_entry);
    ULONG text_at = target_at + count * sizeof(mapping_target);
    for (UINT32 i = 0; i < count; i++) {
        UINT32 field = i * MAPPING_FIELDS;
        mapping_entry entry = {text_size(reply, field), text_at, strtoul(sim_field(reply, field + 2), NULL, 10), 1, target_at};
        text_at = put_text(buffer, text_at, reply, field);
        mapping_target target = {text_size(reply, field + 1), text_at};
        text_at = put_text(buffer, text_at, reply, field + 1);
        memcpy(buffer + sizeof header + i * sizeof entry, &entry, sizeof entry);
        memcpy(buffer + target_at, &target, sizeof target);
        target_at += sizeof target;
    }
    return S_OK;
}

HCS_EXPORT HRESULT WINAPI BfGetMappings(ULONG flags, HANDLE job, PCWSTR root, void *sid, ULONG *size, void *buffer)
{
    sim_reply *reply;

    if (!size)
        return CODE_INVALID_ARGUMENT;
    if (job || sid)
        return CODE_NOT_SUPPORTED;
    sim_request *request = sim_new("BfGetMappings");
    sim_add_number(request, flags);
    sim_add_text(request, root);
    HRESULT code = sim_call(request, SIM_ANY_EPOCH, &reply);
    if (SUCCEEDED(code))
        code = write_mappings(reply, size, buffer);
    sim_reply_free(reply);
    return code;
}
