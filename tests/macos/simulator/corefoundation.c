/* CoreFoundation, as far as truststore declares it: strict where Apple's traps, counting where Apple's leaks. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "simulator.h"

#define REPORTED 64           /* lines of a report, functions counted */
#define FIRST 0x600000000000  /* where Apple's small allocations start too; nothing is mapped there on Linux */
#define BUCKETS 65536
#define IMMORTAL (1L << 40)   /* the count of a constant */

EXPORT const char CFData[] = "CFData", CFString[] = "CFString", CFArray[] = "CFArray", CFError[] = "CFError";
EXPORT const char CFDictionary[] = "CFDictionary", CFNumber[] = "CFNumber", CFBoolean[] = "CFBoolean";
EXPORT const char SecCertificate[] = "SecCertificate", SecPolicy[] = "SecPolicy", SecTrust[] = "SecTrust";
EXPORT char kCFTypeArrayCallBacks[40];

/* ------------------------------------------------------------------------------------------------------- objects */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct object *buckets[BUCKETS];
static uint64_t next_reference = FIRST;
static long live;
static pid_t process;

EXPORT void sim_abort(const char *function, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "simulator: %s: ", function);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    abort();
}

static struct object **place(uint64_t reference) {
    struct object **found = &buckets[(reference >> 4) % BUCKETS];
    while (*found && (*found)->reference != reference)
        found = &(*found)->next;
    return found;
}

EXPORT CFTypeRef sim_new(const char *type, size_t size, void (*destroy)(struct object *), const char *origin, void **result) {
    struct object *object = calloc(1, size);
    if (!object)
        sim_abort(origin, "out of memory");
    object->type = type, object->origin = origin, object->destroy = destroy, object->count = 1;
    pthread_mutex_lock(&mutex);
    object->reference = next_reference += 16;
    *place(object->reference) = object;
    live++;
    pthread_mutex_unlock(&mutex);
    *result = object;
    return (CFTypeRef)object->reference;
}

static struct object *find(CFTypeRef reference, const char *type, const char *function, int argument) {
    uint64_t number = (uint64_t)reference;
    struct object *object = *place(number);
    if (!reference)
        sim_abort(function, "argument %d is NULL", argument);
    if (!object && number > FIRST && number <= next_reference && number % 16 == 0)
        sim_abort(function, "argument %d was released before", argument);
    if (!object)
        sim_abort(function, "argument %d is %p, which is no object", argument, reference);
    if (type && object->type != type)
        sim_abort(function, "argument %d is a %s of %s, not a %s", argument, object->type, object->origin, type);
    return object;
}

EXPORT void *sim_checked(CFTypeRef reference, const char *type, const char *function, int argument) {
    pthread_mutex_lock(&mutex);
    struct object *object = find(reference, type, function, argument);
    pthread_mutex_unlock(&mutex);
    return object;
}

EXPORT CFTypeRef sim_retain(CFTypeRef reference) {
    pthread_mutex_lock(&mutex);
    find(reference, NULL, "CFRetain", 1)->count++;
    pthread_mutex_unlock(&mutex);
    return reference;
}

EXPORT void sim_release(CFTypeRef reference, const char *function) {
    pthread_mutex_lock(&mutex);
    struct object *object = find(reference, NULL, function, 1);
    bool last = --object->count == 0;
    if (last) {
        *place(object->reference) = object->next;
        live--;
    }
    pthread_mutex_unlock(&mutex);
    if (!last)
        return;
    if (object->destroy)
        object->destroy(object);
    memset(object, 0xDD, sizeof *object);
    free(object);
}

static void destroy_data(struct object *object) { free(((struct data *)object)->bytes); }

EXPORT CFTypeRef sim_data(const char *type, const void *bytes, CFIndex length, const char *origin) {
    struct data *data;
    CFTypeRef reference = sim_new(type, sizeof *data, destroy_data, origin, (void **)&data);
    data->bytes = malloc((size_t)length + 1);
    memcpy(data->bytes, bytes, (size_t)length);
    data->bytes[length] = 0;
    data->length = length;
    return reference;
}

static void destroy_array(struct object *object) {
    struct array *array = (struct array *)object;
    for (CFIndex i = 0; i < array->count; i++)
        sim_release(array->values[i], "a dying CFArray");
}

static CFTypeRef collection(const char *type, const CFTypeRef *values, CFIndex count, const char *origin) {
    struct array *array;
    CFTypeRef reference = sim_new(type, sizeof *array + (size_t)count * sizeof *values, destroy_array, origin, (void **)&array);
    for (CFIndex i = 0; i < count; i++)
        array->values[i] = sim_retain(sim_checked(values[i], NULL, origin, 2) ? values[i] : NULL);
    array->count = count;
    return reference;
}

EXPORT CFTypeRef sim_array(const CFTypeRef *values, CFIndex count, const char *origin) {
    return collection(CFArray, values, count, origin);
}

EXPORT CFTypeRef sim_dictionary(const CFTypeRef *keys_and_values, CFIndex count, const char *origin) {
    return collection(CFDictionary, keys_and_values, 2 * count, origin);
}

EXPORT CFTypeRef sim_number(const char *type, int32_t value, const char *origin) {
    struct number *number;
    CFTypeRef reference = sim_new(type, sizeof *number, NULL, origin, (void **)&number);
    number->value = value;
    return reference;
}

EXPORT CFTypeRef sim_constant(const char *text) {
    CFTypeRef reference = sim_data(CFString, text, (CFIndex)strlen(text), "a framework");
    pthread_mutex_lock(&mutex);
    find(reference, CFString, __func__, 1)->count = IMMORTAL;
    live--;
    pthread_mutex_unlock(&mutex);
    return reference;
}

/* ------------------------------------------------------------------------------------ what the tests set and read */

static struct { const char *function; long calls; } counted[REPORTED];
static char fail_function[64], slow_function[64], meeting_function[64];
static long fail_call;
static long long fail_value;
static bool fail_afterwards, fail_happened;
static long slow_milliseconds;
static int meeting_expected, meeting_present;
static bool meeting_held;
static pthread_cond_t meeting = PTHREAD_COND_INITIALIZER;
static char trace[65536];
static size_t trace_length;
static _Thread_local bool replace_result;

static void set_name(char *to, const char *name) { snprintf(to, 64, "%s", name); }

/* The nth call of `function` from now on returns `value`: instead of doing anything or, if `afterwards`, having done it. */
EXPORT void sim_fail(const char *function, long nth, long long value, int afterwards) {
    pthread_mutex_lock(&mutex);
    set_name(fail_function, function);
    fail_call = nth, fail_value = value, fail_afterwards = afterwards, fail_happened = false;
    pthread_mutex_unlock(&mutex);
}

/* Whether the failure that was asked for has happened. */
EXPORT int sim_failed(void) { return fail_happened; }

/* Each call of `function` takes so long. */
EXPORT void sim_delay(const char *function, long milliseconds) {
    pthread_mutex_lock(&mutex);
    set_name(slow_function, function);
    slow_milliseconds = milliseconds;
    pthread_mutex_unlock(&mutex);
}

/* No call of `function` goes on before `threads` of them are inside it at once, for ten seconds at most. */
EXPORT void sim_meet(const char *function, int threads) {
    pthread_mutex_lock(&mutex);
    set_name(meeting_function, function);
    meeting_expected = threads, meeting_present = 0, meeting_held = false;
    pthread_mutex_unlock(&mutex);
}

/* Whether they met. */
EXPORT int sim_met(void) { return meeting_held; }

/* Forget the calls, and all that was asked for above. Objects stay. */
EXPORT void sim_reset(void) {
    pthread_mutex_lock(&mutex);
    memset(counted, 0, sizeof counted);
    fail_function[0] = slow_function[0] = meeting_function[0] = trace[0] = 0;
    trace_length = 0;
    fail_happened = false;
    pthread_mutex_unlock(&mutex);
}

/* How many objects live. */
EXPORT long sim_live(void) { return live; }

/* How often `function` was called since the last reset; NULL: how often anything was. */
EXPORT long sim_calls(const char *function) {
    long calls = 0;
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < REPORTED && counted[i].function; i++)
        if (!function || !strcmp(counted[i].function, function))
            calls += counted[i].calls;
    pthread_mutex_unlock(&mutex);
    return calls;
}

/* The calls since the last reset, in order, one a line (the first 64 KiB of them). */
EXPORT const char *sim_trace(void) { return trace; }

/* What lives, by type and the function that made it, a line each. */
EXPORT const char *sim_report(void) {
    static char report[REPORTED * 80];
    static struct { const char *type, *origin; long count; } lines[REPORTED];
    memset(lines, 0, sizeof lines);
    report[0] = 0;
    pthread_mutex_lock(&mutex);
    for (int bucket = 0; bucket < BUCKETS; bucket++)
        for (struct object *object = buckets[bucket]; object; object = object->next) {
            int i = 0;
            if (object->count > IMMORTAL / 2)
                continue;
            while (lines[i].type && (lines[i].type != object->type || strcmp(lines[i].origin, object->origin)) && i < REPORTED - 1)
                i++;
            lines[i].type = object->type, lines[i].origin = object->origin, lines[i].count++;
        }
    for (int i = 0; lines[i].type; i++)
        sprintf(report + strlen(report), "%ld %s of %s\n", lines[i].count, lines[i].type, lines[i].origin);
    pthread_mutex_unlock(&mutex);
    return report;
}

static void count(const char *function) {
    int i = 0;
    while (i < REPORTED - 1 && counted[i].function && strcmp(counted[i].function, function))
        i++;
    counted[i].function = function;
    counted[i].calls++;
    size_t length = strlen(function);
    if (trace_length + length + 1 < sizeof trace) {
        memcpy(trace + trace_length, function, length);
        trace_length += length;
        trace[trace_length++] = '\n';
        trace[trace_length] = 0;
    }
}

static void meet(const char *function) {
    struct timespec deadline;
    if (strcmp(function, meeting_function))
        return;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 10;
    if (++meeting_present >= meeting_expected) {
        meeting_held = true;
        pthread_cond_broadcast(&meeting);
    }
    while (!meeting_held && pthread_cond_timedwait(&meeting, &mutex, &deadline) != ETIMEDOUT)
        continue;
}

EXPORT bool sim_enter(const char *function, long long *forced) {
    pthread_mutex_lock(&mutex);
    if (!process)
        process = getpid();
    if (process != getpid())
        sim_abort(function, "called in a forked child: Apple's frameworks must not be");
    count(function);
    bool fails = !strcmp(function, fail_function) && --fail_call == 0;
    fail_happened |= fails;
    replace_result = fails && fail_afterwards;
    *forced = fail_value;
    long pause = strcmp(function, slow_function) ? 0 : slow_milliseconds;
    meet(function);
    pthread_mutex_unlock(&mutex);
    if (pause)
        usleep((useconds_t)pause * 1000);
    return fails && !replace_result;
}

EXPORT long long sim_leave(long long result) {
    bool replaced = replace_result;
    replace_result = false;
    return replaced ? fail_value : result;
}

/* ------------------------------------------------------------------------------------------------ CoreFoundation */

EXPORT void CFRelease(CFTypeRef object) {
    long long ignored;
    sim_enter(__func__, &ignored);
    sim_release(object, __func__);
}

EXPORT CFTypeRef CFDataCreate(CFTypeRef allocator, const unsigned char *bytes, CFIndex length) {
    ENTER(CFTypeRef);
    if (allocator || length < 0 || (length && !bytes))
        sim_abort(__func__, "allocator %p, bytes %p, length %ld", allocator, (void *)bytes, length);
    LEAVE(CFTypeRef, sim_data(CFData, bytes, length, __func__));
}

EXPORT CFIndex CFDataGetLength(CFTypeRef data) {
    ENTER(CFIndex);
    LEAVE(CFIndex, ((struct data *)sim_checked(data, CFData, __func__, 1))->length);
}

EXPORT const unsigned char *CFDataGetBytePtr(CFTypeRef data) {
    ENTER(const unsigned char *);
    LEAVE(const unsigned char *, ((struct data *)sim_checked(data, CFData, __func__, 1))->bytes);
}

/* How many UTF-16 units the text has, or -1 if it is no UTF-8 (overlong forms and surrogates are not looked for). */
static CFIndex utf16_units(const unsigned char *bytes, CFIndex length) {
    CFIndex units = 0;
    for (CFIndex i = 0; i < length; units++) {
        int more = bytes[i] < 0x80 ? 0 : bytes[i] < 0xC2 ? -1 : bytes[i] < 0xE0 ? 1 : bytes[i] < 0xF0 ? 2 : bytes[i] < 0xF5 ? 3 : -1;
        if (more < 0 || i + more >= length)
            return -1;
        units += more == 3;
        for (i++; more; more--, i++)
            if ((bytes[i] & 0xC0) != 0x80)
                return -1;
    }
    return units;
}

EXPORT CFTypeRef CFStringCreateWithBytes(CFTypeRef allocator, const unsigned char *bytes, CFIndex length, CFStringEncoding encoding,
                                         Boolean external) {
    ENTER(CFTypeRef);
    if (allocator || length < 0 || (length && !bytes) || encoding != kCFStringEncodingUTF8 || external)
        sim_abort(__func__, "allocator %p, bytes %p, length %ld, encoding %#x, external %d", allocator, (void *)bytes, length, encoding, external);
    LEAVE(CFTypeRef, utf16_units(bytes, length) < 0 ? NULL : sim_data(CFString, bytes, length, __func__));
}

EXPORT CFIndex CFStringGetLength(CFTypeRef string) {
    ENTER(CFIndex);
    struct data *text = sim_checked(string, CFString, __func__, 1);
    LEAVE(CFIndex, utf16_units(text->bytes, text->length));
}

EXPORT CFIndex CFStringGetMaximumSizeForEncoding(CFIndex length, CFStringEncoding encoding) {
    ENTER(CFIndex);
    if (length < 0 || encoding != kCFStringEncodingUTF8)
        sim_abort(__func__, "length %ld, encoding %#x", length, encoding);
    LEAVE(CFIndex, length * 3);
}

EXPORT Boolean CFStringGetCString(CFTypeRef string, char *buffer, CFIndex size, CFStringEncoding encoding) {
    ENTER(Boolean);
    struct data *text = sim_checked(string, CFString, __func__, 1);
    if (!buffer || size <= 0 || encoding != kCFStringEncodingUTF8)
        sim_abort(__func__, "buffer %p, size %ld, encoding %#x", (void *)buffer, size, encoding);
    if (size <= text->length)
        LEAVE(Boolean, false);
    memset(buffer, 0xDD, (size_t)size); /* a size that is larger than the buffer does its harm here, in the tests */
    memcpy(buffer, text->bytes, (size_t)text->length + 1);
    LEAVE(Boolean, true);
}

EXPORT CFTypeRef CFArrayCreate(CFTypeRef allocator, const CFTypeRef *values, CFIndex count, const void *callbacks) {
    ENTER(CFTypeRef);
    if (allocator || count < 0 || (count && !values) || callbacks != kCFTypeArrayCallBacks)
        sim_abort(__func__, "allocator %p, values %p, count %ld, callbacks %p", allocator, (void *)values, count, callbacks);
    LEAVE(CFTypeRef, sim_array(values, count, __func__));
}

EXPORT CFIndex CFArrayGetCount(CFTypeRef array) {
    ENTER(CFIndex);
    LEAVE(CFIndex, ((struct array *)sim_checked(array, CFArray, __func__, 1))->count);
}

EXPORT CFTypeRef CFArrayGetValueAtIndex(CFTypeRef array, CFIndex index) {
    ENTER(CFTypeRef);
    struct array *values = sim_checked(array, CFArray, __func__, 1);
    if (index < 0 || index >= values->count)
        sim_abort(__func__, "index %ld of %ld values", index, values->count);
    LEAVE(CFTypeRef, values->values[index]);
}

EXPORT CFIndex CFErrorGetCode(CFTypeRef error) {
    ENTER(CFIndex);
    LEAVE(CFIndex, ((struct error *)sim_checked(error, CFError, __func__, 1))->code);
}

EXPORT CFTypeRef CFErrorCopyDescription(CFTypeRef error) {
    ENTER(CFTypeRef);
    struct error *what = sim_checked(error, CFError, __func__, 1);
    struct data *text = sim_checked(what->description, CFString, __func__, 1);
    LEAVE(CFTypeRef, sim_data(CFString, text->bytes, text->length, __func__));
}

static bool equal(CFTypeRef one, CFTypeRef other, const char *function) {
    struct data *first = sim_checked(one, NULL, function, 1), *second = sim_checked(other, NULL, function, 2);
    if (first->object.type != second->object.type || (first->object.type != CFString && first->object.type != CFData))
        return one == other;
    return first->length == second->length && !memcmp(first->bytes, second->bytes, (size_t)first->length);
}

EXPORT Boolean CFEqual(CFTypeRef one, CFTypeRef other) {
    ENTER(Boolean);
    LEAVE(Boolean, equal(one, other, __func__));
}

EXPORT CFIndex CFDictionaryGetCount(CFTypeRef dictionary) {
    ENTER(CFIndex);
    LEAVE(CFIndex, ((struct array *)sim_checked(dictionary, CFDictionary, __func__, 1))->count / 2);
}

/* NULL if the key is not there: Apple's takes any key, but a NULL is a mistake of ours. */
EXPORT CFTypeRef CFDictionaryGetValue(CFTypeRef dictionary, CFTypeRef key) {
    ENTER(CFTypeRef);
    struct array *pairs = sim_checked(dictionary, CFDictionary, __func__, 1);
    sim_checked(key, CFString, __func__, 2);
    CFTypeRef value = NULL;
    for (CFIndex i = 0; i < pairs->count; i += 2)
        if (equal(pairs->values[i], key, __func__))
            value = pairs->values[i + 1];
    LEAVE(CFTypeRef, value);
}

EXPORT Boolean CFNumberGetValue(CFTypeRef number, CFNumberType type, void *value) {
    ENTER(Boolean);
    struct number *from = sim_checked(number, CFNumber, __func__, 1);
    if (type != kCFNumberSInt32Type || !value)
        sim_abort(__func__, "type %ld, value %p", type, value);
    *(int32_t *)value = from->value;
    LEAVE(Boolean, true);
}

EXPORT Boolean CFBooleanGetValue(CFTypeRef boolean) {
    ENTER(Boolean);
    LEAVE(Boolean, ((struct number *)sim_checked(boolean, CFBoolean, __func__, 1))->value);
}
