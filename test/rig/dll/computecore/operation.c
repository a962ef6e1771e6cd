// Operations: single use, not started → running → done. hcs-api §1.2 "Operation model".
#include "operation.h"

// A refusal within this time is "synchronous" (SUBMIT_EARLY_REFUSAL).
#define EARLY_MS 50

SRWLOCK operation_lock = SRWLOCK_INIT;

static void destroy(sim_object *object)
{
    operation *op = (operation *)object;

    sim_free(op->document);
    subject_release(op->system);
    subject_release(op->process);
    sim_free(op);
}

static const sim_class operation_class = {NULL, NULL, destroy};

HCS_OPERATION operation_new(void *context, HCS_OPERATION_COMPLETION completion, HCS_EVENT_CALLBACK notification)
{
    static LONG64 last_id;
    operation *op = sim_alloc(sizeof *op);

    if (!op) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    op->type = OPERATION_NONE;
    op->id = InterlockedIncrement64(&last_id);
    op->context = context;
    op->completion = completion;
    op->notification = notification;
    // An operation outlives the connection: what it holds is its own result.
    op->handle = sim_object_add(&op->object, &operation_class, SIM_OPERATION, MAXUINT32);
    operation_release(op);
    return op->handle;
}

operation *operation_get(HCS_OPERATION handle)
{
    return (operation *)sim_object_get(handle, SIM_OPERATION);
}

void operation_release(operation *op)
{
    if (op)
        sim_object_release(&op->object);
}

HRESULT operation_begin(operation *op, operation_type type, subject *system, subject *process)
{
    HRESULT code = S_OK;

    AcquireSRWLockExclusive(&operation_lock);
    if (op->state == NOT_STARTED) {
        op->state = RUNNING;
        op->type = type;
        op->system = system;
        op->process = process;
    } else {
        code = CODE_OPERATION_ALREADY_STARTED;
    }
    ReleaseSRWLockExclusive(&operation_lock);
    if (FAILED(code))
        return code;
    if (system)
        sim_object_keep(&system->object);
    if (process)
        sim_object_keep(&process->object);
    return code;
}

typedef struct completion_task {
    sim_task task;
    operation *op;
} completion_task;

static void run_completion(sim_task *task)
{
    operation *op = ((completion_task *)task)->op;
    HCS_EVENT event = {EVENT_OPERATION_CALLBACK, L"", op->handle};

    if (op->completion)
        op->completion(op->handle, op->context);
    if (op->notification)
        op->notification(&event, op->context);
}

// Tells who asked to be told that the operation is done. A closed operation tells nobody: sim_post drops what belongs to it.
static void tell(operation *op)
{
    if (op->completion || op->notification) {
        completion_task *task = sim_alloc(sizeof *task);
        if (task) {
            task->task.run = run_completion;
            task->op = op;
            sim_post(&op->object, &task->task);
        }
    }
    subject *s = op->system;
    if (s && s->callback && s->options & EVENT_OPTION_OPERATION_CALLBACKS)
        subject_post_event(s, s->callback, s->context, EVENT_OPERATION_CALLBACK, "", op->handle);
}

static void set_result(operation *op, HRESULT code, const char *document)
{
    op->code = code;
    op->document = sim_out_text(document);
    op->state = DONE;
    WakeAllConditionVariable(&op->changed);
}

void operation_finish(operation *op, HRESULT code, const char *document)
{
    AcquireSRWLockExclusive(&operation_lock);
    set_result(op, code, document);
    ReleaseSRWLockExclusive(&operation_lock);
    if (SUCCEEDED(code))
        tell(op);
}

static void answered(void *context, sim_reply *reply)
{
    operation *op = context;
    HRESULT code = sim_code(reply);

    if (op->type == OPERATION_CREATE)
        subject_created(op->system, code);
    AcquireSRWLockExclusive(&operation_lock);
    // The pid is no document; the handle knows it.
    BOOL document = op->type != OPERATION_GET_PROCESS_INFO || FAILED(code);
    set_result(op, code, document ? sim_field(reply, 0) : "");
    BOOL held = op->held;
    ReleaseSRWLockExclusive(&operation_lock);
    if (!held)
        tell(op);
    sim_reply_free(reply);
    operation_release(op);
}

// Waits for a refusal that comes at once. Until then the completion is held back: a call that fails makes no callback.
static HRESULT early_refusal(operation *op)
{
    ULONGLONG end = GetTickCount64() + EARLY_MS;

    AcquireSRWLockExclusive(&operation_lock);
    while (op->state != DONE) {
        ULONGLONG now = GetTickCount64();
        if (now >= end)
            break;
        SleepConditionVariableSRW(&op->changed, &operation_lock, (DWORD)(end - now), 0);
    }
    op->held = FALSE;
    BOOL done = op->state == DONE;
    HRESULT code = done ? op->code : S_OK;
    ReleaseSRWLockExclusive(&operation_lock);
    if (done && SUCCEEDED(code))
        tell(op);
    return code;
}

HRESULT operation_submit(operation *op, sim_request *request, UINT32 epoch, submit_mode mode)
{
    op->held = mode == SUBMIT_EARLY_REFUSAL;
    sim_object_keep(&op->object); // released by "answered": the client may close the operation meanwhile
    HRESULT code = sim_send(request, epoch, answered, op);
    if (FAILED(code)) {
        operation_finish(op, code, "");
        operation_release(op);
        return code;
    }
    return mode == SUBMIT_EARLY_REFUSAL ? early_refusal(op) : S_OK;
}

HRESULT system_operation(HCS_SYSTEM system, HCS_OPERATION operation_handle, operation_type type, const char *name, PCWSTR text,
                         submit_mode mode)
{
    subject *s = subject_get(system, SIM_SYSTEM);
    operation *op = operation_get(operation_handle);
    HRESULT code = s && op ? operation_begin(op, type, s, NULL) : CODE_INVALID_HANDLE;

    if (SUCCEEDED(code)) {
        sim_request *request = sim_new(name);
        sim_add_utf8(request, ABI);
        sim_add_number(request, s->object.handle);
        sim_add_text(request, text);
        code = operation_submit(op, request, s->object.epoch, mode);
    }
    operation_release(op);
    subject_release(s);
    return code;
}
