// vmcompute.dll: the v1 ABI of compute systems (hcs-api §1.1), the layer functions (§6.1) and HNSCall (§7.2).
#ifndef VMCOMPUTE_V1_H
#define VMCOMPUTE_V1_H

#include "sim.h"

#define ABI "1"

typedef HANDLE HCS_SYSTEM;
typedef HANDLE HCS_PROCESS;
typedef HANDLE HCS_CALLBACK;
typedef void(CALLBACK *HCS_NOTIFICATION_CALLBACK)(DWORD type, void *context, HRESULT status, PCWSTR data);

#define OPERATION_PENDING ((HRESULT)0xC0370103) // ERROR_VMCOMPUTE_OPERATION_PENDING
#define UNEXPECTED_EXIT ((HRESULT)0xC0370106)   // ERROR_VMCOMPUTE_UNEXPECTED_EXIT

typedef enum notification {
    NOTE_NONE = 0, // the call has no notification of its own
    NOTE_SYSTEM_EXITED = 0x1,
    NOTE_CREATE_COMPLETED = 0x2,
    NOTE_START_COMPLETED = 0x3,
    NOTE_PAUSE_COMPLETED = 0x4,
    NOTE_RESUME_COMPLETED = 0x5,
    NOTE_SAVE_COMPLETED = 0x8,
    NOTE_SHUTDOWN_FAILED = 0xA,
    NOTE_PROCESS_EXITED = 0x10000,
    NOTE_SERVICE_DISCONNECT = 0x01000000,
} notification;

// The service answers with this ABI's codes (abi "1"); those that hcssim.dll makes itself are turned into them here. hcs-api §2.1.
HRESULT v1_code(HRESULT code);

// ---- notify.c

// A note that nobody could be told yet.
typedef struct note {
    struct note *next;
    notification type;
    HRESULT status;
    char *data;
} note;

typedef struct registration registration;

// A compute system or a process as a handle sees it.
typedef struct subject {
    sim_object object;
    SRWLOCK watch_lock; // held while the service is asked to report the exit
    SRWLOCK lock;       // guards the rest
    registration *registrations;
    note *queue; // completions from before the first registration
    note *exit;  // kept: everyone who registers is told once
    BOOL lost;
    BOOL watched;
    BOOL creating;           // a create is in flight
    BOOL close_after_create; // and the handle was closed meanwhile
} subject;

subject *subject_new(sim_kind kind, UINT32 epoch, HANDLE *handle);
subject *subject_get(HANDLE handle, sim_kind kind);
void subject_release(subject *s);
void subject_abandon(HANDLE handle, sim_kind kind);
HRESULT subject_close(HANDLE handle, sim_kind kind);
// The answer to a create; then the handle may be watched, or closed if that was asked for meanwhile.
void subject_created(subject *s, HRESULT code);
void subject_notify(subject *s, notification type, HRESULT status, const char *data);
HRESULT subject_register(subject *s, sim_kind kind, HCS_NOTIFICATION_CALLBACK callback, void *context, HCS_CALLBACK *handle);
HRESULT subject_unregister(HCS_CALLBACK handle, sim_kind kind);
void subject_unregister_all(subject *s);

// ---- subject.c

sim_request *subject_request(const subject *s, const char *name);
HRESULT subject_watch(subject *s);

// ---- async.c

// Sends the request of an asynchronous call and answers as the ABI does: OPERATION_PENDING with the note to come, or a failure that
// was known at once.
HRESULT async_call(subject *s, sim_request *request, notification completed, PWSTR *result);

#endif
