// computecore.dll: the v2 ABI of HCS over the simulator's service. Signatures and rules: hcs-api §1.2.
#ifndef COMPUTECORE_CORE_H
#define COMPUTECORE_CORE_H

#include "sim.h"

#define ABI "2"

typedef HANDLE HCS_OPERATION;
typedef HANDLE HCS_SYSTEM;
typedef HANDLE HCS_PROCESS;
typedef sim_process_information HCS_PROCESS_INFORMATION;

typedef enum operation_type {
    OPERATION_NONE = -1,
    OPERATION_ENUMERATE = 0,
    OPERATION_CREATE = 1,
    OPERATION_START = 2,
    OPERATION_SHUTDOWN = 3,
    OPERATION_PAUSE = 4,
    OPERATION_RESUME = 5,
    OPERATION_SAVE = 6,
    OPERATION_TERMINATE = 7,
    OPERATION_MODIFY = 8,
    OPERATION_GET_PROPERTIES = 9,
    OPERATION_CREATE_PROCESS = 10,
    OPERATION_SIGNAL_PROCESS = 11, // and terminate: the documentation lists no type of its own for it
    OPERATION_GET_PROCESS_INFO = 12,
    OPERATION_GET_PROCESS_PROPERTIES = 13,
    OPERATION_MODIFY_PROCESS = 14,
    OPERATION_CRASH = 15,
} operation_type;

typedef enum event_type {
    EVENT_SYSTEM_EXITED = 0x1,
    EVENT_PROCESS_EXITED = 0x10000,
    EVENT_OPERATION_CALLBACK = 0x01000000,
    EVENT_SERVICE_DISCONNECT = 0x02000000,
} event_type;

#define EVENT_OPTION_OPERATION_CALLBACKS 1

typedef struct HCS_EVENT {
    DWORD Type;
    PCWSTR EventData;
    HCS_OPERATION Operation;
} HCS_EVENT;

typedef void(CALLBACK *HCS_OPERATION_COMPLETION)(HCS_OPERATION operation, void *context);
typedef void(CALLBACK *HCS_EVENT_CALLBACK)(HCS_EVENT *event, void *context);

// ---- subject.c: a compute system or a process, as a handle sees it

typedef struct subject {
    sim_object object;
    SRWLOCK watch_lock; // held while the service is asked to report the exit
    SRWLOCK lock;       // guards the rest
    CONDITION_VARIABLE changed;
    BOOL watched;
    BOOL ended; // the exit has been reported
    BOOL lost;  // the service is gone
    BOOL closed;
    char *exit; // document of the exit
    HCS_EVENT_CALLBACK callback;
    void *context;
    DWORD options;
    // A create is in flight: a close that comes meanwhile is sent once it is answered, because requests may overtake each other.
    BOOL creating;
    BOOL close_after_create;
    HCS_PROCESS_INFORMATION information; // of a process made by this handle; its streams until a client has got them
} subject;

subject *subject_new(sim_kind kind, UINT32 epoch, HANDLE *handle);
subject *subject_get(HANDLE handle, sim_kind kind);
void subject_release(subject *s);
// Closes the handle here and at the service. An unknown handle is ignored: the exports return nothing.
void subject_close(HANDLE handle, sim_kind kind);
// Takes the handle back after a create or open that failed before a client saw it.
void subject_abandon(HANDLE handle, sim_kind kind);
void subject_created(subject *s, HRESULT code);
HRESULT subject_set_callback(subject *s, DWORD options, void *context, HCS_EVENT_CALLBACK callback);
HRESULT subject_wait_exit(subject *s, DWORD ms, PWSTR *result);
void subject_post_event(subject *s, HCS_EVENT_CALLBACK callback, void *context, DWORD type, const char *data, HCS_OPERATION operation);
// The streams belong to whoever gets them first.
void subject_take_information(subject *s, HCS_PROCESS_INFORMATION *information);

// ---- operation.c

typedef struct operation operation;

typedef enum submit_mode {
    SUBMIT_ACCEPT, // S_OK means accepted; the outcome is the operation's
    // As above, but a refusal that comes at once is the call's own result: the clients close the operation of a shutdown or terminate
    // without reading it, so only that can tell them (hcs-api §1.2 "submitOperation", §3 "Start timing").
    SUBMIT_EARLY_REFUSAL,
} submit_mode;

operation *operation_get(HCS_OPERATION handle);
void operation_release(operation *op);
// Marks the operation as running; CODE_OPERATION_ALREADY_STARTED when it was used before. The subject is kept until it is done.
HRESULT operation_begin(operation *op, operation_type type, subject *system, subject *process);
// Sends the request of an operation that has begun; releases the request and, at the end, the subjects.
HRESULT operation_submit(operation *op, sim_request *request, UINT32 epoch, submit_mode mode);
// Ends an operation whose request the caller has made itself. The callback is made only on success: a failure is the call's result.
void operation_finish(operation *op, HRESULT code, const char *document);
// An operation on a system or process: name, abi, handle, then the text when there is one.
HRESULT system_operation(HCS_SYSTEM system, HCS_OPERATION operation, operation_type type, const char *name, PCWSTR text,
                         submit_mode mode);

#endif
