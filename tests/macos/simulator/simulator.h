/* What the two simulated frameworks share: objects that are counted and checked, and the switches of the tests.
 *
 * A reference is never a real address. It is a number in a range that nothing is mapped to, given out once and never again, so that
 * whoever uses a reference that is NULL, foreign, released or of another type is told so, however late, and whoever follows one crashes. */
#ifndef SIMULATOR_H
#define SIMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef const void *CFTypeRef;
typedef long CFIndex;
typedef unsigned char Boolean;
typedef unsigned long CFOptionFlags;
typedef uint32_t CFStringEncoding;
typedef int32_t OSStatus;
typedef uint32_t SecTrustResultType;
typedef uint32_t SecTrustSettingsDomain;
typedef CFIndex CFNumberType;

enum { kCFStringEncodingUTF8 = 0x08000100, kCFNumberSInt32Type = 3 };

struct object {
    const char *type;              /* "CFData", "SecTrust", …: compared as pointers, so each is defined once, below */
    const char *origin;            /* the function that made it */
    void (*destroy)(struct object *);
    CFIndex count;
    uint64_t reference;
    struct object *next;
};

extern const char CFData[], CFString[], CFArray[], CFError[], CFDictionary[], CFNumber[], CFBoolean[];
extern const char SecCertificate[], SecPolicy[], SecTrust[];

struct data { struct object object; CFIndex length; unsigned char *bytes; };    /* CFData and CFString: with a NUL at the end */
struct array { struct object object; CFIndex count; CFTypeRef values[]; };      /* CFDictionary, too: a key, its value, the next key */
struct number { struct object object; int32_t value; };                         /* CFNumber and CFBoolean */
struct error { struct object object; CFIndex code; CFTypeRef description, underlying; };

/* Objects. A new one has a count of one. `checked` aborts unless `reference` is a live object of that type; NULL type: of any. */
CFTypeRef sim_new(const char *type, size_t size, void (*destroy)(struct object *), const char *origin, void **object);
void *sim_checked(CFTypeRef reference, const char *type, const char *function, int argument);
CFTypeRef sim_retain(CFTypeRef reference);
void sim_release(CFTypeRef reference, const char *function);
CFTypeRef sim_data(const char *type, const void *bytes, CFIndex length, const char *origin);
CFTypeRef sim_array(const CFTypeRef *values, CFIndex count, const char *origin);
CFTypeRef sim_dictionary(const CFTypeRef *keys_and_values, CFIndex count, const char *origin);
CFTypeRef sim_number(const char *type, int32_t value, const char *origin);
CFTypeRef sim_constant(const char *text); /* a CFString that lives as long as its framework, and is not counted */
_Noreturn void sim_abort(const char *function, const char *format, ...);

/* Calls. `sim_enter` counts, delays and, if the test wants this call to fail, says so; `sim_leave` replaces a result afterwards. */
bool sim_enter(const char *function, long long *forced);
long long sim_leave(long long result);

#define ENTER(type) do { long long forced; if (sim_enter(__func__, &forced)) return (type)(intptr_t)forced; } while (0)
#define LEAVE(type, result) return (type)(intptr_t)sim_leave((long long)(intptr_t)(result))

#define EXPORT __attribute__((visibility("default")))

#endif
