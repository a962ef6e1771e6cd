// Two ways to stand in front of a function. Both look at the code first: on a Wine whose code looks different nothing is patched, and
// the debugger's output says so, rather than the process crashing.
#include "hook.h"

// A system call of Wine's ntdll on x86-64: it has Windows' form, because some programs read it, and is position independent, so that
// a copy of it works. Checked on 8.0; winebuild writes it (hcs-api appendix A). The call's number is at offset 4.
static const BYTE thunk_head[4] = {0x4c, 0x8b, 0xd1, 0xb8};                                          // mov r10,rcx; mov eax,…
static const BYTE thunk_body[13] = {0xf6, 0x04, 0x25, 0x08, 0x03, 0xfe, 0x7f, 0x01, 0x75, 0x03, 0x0f, 0x05, 0xc3}; // test, jne, syscall
#define THUNK_SIZE 32
#define THUNK_BODY_AT 8
#define THUNK_RET 0xc3

#define JUMP_SIZE 14 // jmp [rip+0]; address

static BOOL same(const BYTE *a, const BYTE *b, ULONG size)
{
    for (ULONG i = 0; i < size; i++)
        if (a[i] != b[i])
            return FALSE;
    return TRUE;
}

void report(PCSTR text)
{
    static PCSTR said[16];

    for (ULONG i = 0; i < ARRAYSIZE(said); i++) {
        if (said[i] == text)
            return;
        if (!said[i]) {
            said[i] = text;
            break;
        }
    }
    OutputDebugStringA("bcryptprimitives (hcssim): ");
    OutputDebugStringA(text);
    OutputDebugStringA("\n");
}

// The whole thunk must be known, its last call included: "call [0x7ffe1000]" or "int 0x2e", neither relative.
static BOOL is_thunk(const BYTE *code)
{
    static const BYTE call_tail[] = {0xeb, 0x01, 0xc3, 0xff, 0x14, 0x25, 0x00, 0x10, 0xfe, 0x7f, THUNK_RET};
    static const BYTE int_tail[] = {0xcd, 0x2e, THUNK_RET};
    const BYTE *tail = code + THUNK_BODY_AT + sizeof thunk_body;

    return same(code, thunk_head, sizeof thunk_head) && same(code + THUNK_BODY_AT, thunk_body, sizeof thunk_body) &&
           (same(tail, call_tail, sizeof call_tail) || same(tail, int_tail, sizeof int_tail));
}

static BYTE *trampoline(const BYTE *thunk)
{
    static BYTE *page;
    static ULONG used;

    if (!page)
        page = VirtualAlloc(NULL, 4096, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
    if (!page || used + THUNK_SIZE > 4096)
        return NULL;
    BYTE *copy = page + used;
    used += THUNK_SIZE;
    memcpy(copy, thunk, THUNK_SIZE);
    return copy;
}

static BOOL write_code(void *at, const void *bytes, ULONG size)
{
    DWORD old;

    if (!VirtualProtect(at, size, PAGE_EXECUTE_READWRITE, &old))
        return FALSE;
    memcpy(at, bytes, size);
    VirtualProtect(at, size, old, &old);
    FlushInstructionCache(GetCurrentProcess(), at, size);
    return TRUE;
}

static BOOL write_jump(BYTE *at, void *target)
{
    BYTE jump[JUMP_SIZE] = {0xff, 0x25};

    memcpy(jump + 6, &target, sizeof target);
    return write_code(at, jump, sizeof jump);
}

void patch_syscall(PCSTR name, void *function, void **original)
{
    BYTE *code = (BYTE *)GetProcAddress(GetModuleHandleA("ntdll.dll"), name);

    *original = code;
    if (!code || !is_thunk(code)) {
        report(name);
        report("the system call above has an unknown form: not hooked");
        return;
    }
    BYTE *copy = trampoline(code);
    if (!copy)
        return;
    *original = copy;
    if (!write_jump(code, function))
        *original = code;
}

// Wine begins exports with an instruction that does nothing, for those who patch: lea rsp,[rsp+0].
static const BYTE hot_patch[8] = {0x48, 0x8d, 0xa4, 0x24};

// An export that kernel32 imports itself is one jump through a pointer: the pointer is replaced. One with a body is overwritten, which
// leaves nothing to call.
void patch_kernel32(PCSTR name, void *function, void **original)
{
    BYTE *code = (BYTE *)GetProcAddress(GetModuleHandleA("kernel32.dll"), name);
    LONG offset;

    if (original)
        *original = NULL;
    if (!code)
        return;
    const BYTE *start = same(code, hot_patch, sizeof hot_patch) ? code + sizeof hot_patch : code;
    if (start[0] == 0xff && start[1] == 0x25) {
        memcpy(&offset, start + 2, sizeof offset);
        void **slot = (void **)(start + 6 + offset);
        if (original)
            *original = *slot;
        write_code(slot, &function, sizeof function);
        return;
    }
    // A body must hold the jump: no return in its first bytes.
    for (ULONG i = 0; i < JUMP_SIZE; i++) {
        if (code[i] == 0xc3 || code[i] == 0xcc) {
            report(name);
            report("the function above is too short: not hooked");
            return;
        }
    }
    if (original) { // the caller needs what would be lost
        report(name);
        report("the function above has a body of its own: not hooked");
        return;
    }
    write_jump(code, function);
}
