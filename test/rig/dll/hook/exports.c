// Two more ways to stand in front of a function, for DLLs whose code Wine's compiler wrote. The third: in the table by which it is looked up.
#include "hook.h"

#define THUNK_SIZE 14 // jmp [rip+0]; address
#define GRAIN 0x10000 // the grain of addresses that memory is reserved by

// The table has distances from the DLL's start, of 32 bits: what leads to the new function is put not too far behind the DLL.
static BYTE *near_memory(BYTE *base, ULONG image_size)
{
    ULONG_PTR at = ((ULONG_PTR)base + image_size + GRAIN - 1) & ~(ULONG_PTR)(GRAIN - 1);
    ULONG_PTR end = (ULONG_PTR)base + 0x7fff0000;

    for (; at < end; at += GRAIN) {
        BYTE *memory = VirtualAlloc((void *)at, GRAIN, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
        if (memory)
            return memory;
    }
    return NULL;
}

// One page per DLL, for a few DLLs.
static BYTE *thunk_of(BYTE *base, ULONG image_size)
{
    static struct {
        BYTE *base, *memory;
        ULONG used;
    } pages[4];

    for (ULONG i = 0; i < ARRAYSIZE(pages); i++) {
        if (!pages[i].base) {
            pages[i].base = base;
            pages[i].memory = near_memory(base, image_size);
        }
        if (pages[i].base == base && pages[i].memory) {
            BYTE *thunk = pages[i].memory + pages[i].used;
            pages[i].used += 16;
            return pages[i].used <= 4096 ? thunk : NULL;
        }
    }
    return NULL;
}

static BOOL same_text(PCSTR a, PCSTR b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

void *patch_export(HMODULE module, PCSTR name, void *function)
{
    BYTE *base = (BYTE *)module;
    IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)(base + ((IMAGE_DOS_HEADER *)base)->e_lfanew);
    IMAGE_EXPORT_DIRECTORY *table =
        (IMAGE_EXPORT_DIRECTORY *)(base + headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT].VirtualAddress);
    ULONG *functions = (ULONG *)(base + table->AddressOfFunctions);
    ULONG *names = (ULONG *)(base + table->AddressOfNames);
    USHORT *ordinals = (USHORT *)(base + table->AddressOfNameOrdinals);
    BYTE jump[THUNK_SIZE] = {0xff, 0x25};
    DWORD old;

    for (ULONG i = 0; i < table->NumberOfNames; i++) {
        if (!same_text((PCSTR)(base + names[i]), name))
            continue;
        // Through the loader, because the table may name a function of another DLL.
        void *original = (void *)GetProcAddress(module, name);
        ULONG *slot = &functions[ordinals[i]];
        BYTE *thunk = thunk_of(base, headers->OptionalHeader.SizeOfImage);
        if (!original || !thunk || !VirtualProtect(slot, sizeof *slot, PAGE_READWRITE, &old))
            break;
        memcpy(jump + 6, &function, sizeof function);
        memcpy(thunk, jump, sizeof jump);
        *slot = (ULONG)(thunk - base);
        VirtualProtect(slot, sizeof *slot, old, &old);
        return original;
    }
    report(name);
    report("the export above is not there, or could not be replaced: not hooked");
    return NULL;
}

// A fourth way: the pointer by which one DLL calls a function of another.
void *patch_import(HMODULE module, PCSTR name, void *function)
{
    BYTE *base = (BYTE *)module;
    IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)(base + ((IMAGE_DOS_HEADER *)base)->e_lfanew);
    IMAGE_IMPORT_DESCRIPTOR *dll =
        (IMAGE_IMPORT_DESCRIPTOR *)(base + headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress);
    DWORD old;

    for (; dll->Name; dll++) {
        IMAGE_THUNK_DATA *names = (IMAGE_THUNK_DATA *)(base + dll->OriginalFirstThunk);
        IMAGE_THUNK_DATA *slots = (IMAGE_THUNK_DATA *)(base + dll->FirstThunk);
        for (ULONG i = 0; names[i].u1.AddressOfData; i++) {
            if (IMAGE_SNAP_BY_ORDINAL(names[i].u1.Ordinal) ||
                !same_text((PCSTR)((IMAGE_IMPORT_BY_NAME *)(base + names[i].u1.AddressOfData))->Name, name))
                continue;
            void *original = (void *)slots[i].u1.Function;
            if (!VirtualProtect(&slots[i], sizeof slots[i], PAGE_READWRITE, &old))
                break;
            slots[i].u1.Function = (ULONG_PTR)function;
            VirtualProtect(&slots[i], sizeof slots[i], old, &old);
            return original;
        }
    }
    report(name);
    report("the import above is not there, or could not be replaced: not hooked");
    return NULL;
}
