/* A file system out of order: for LD_PRELOAD, so that the faults reach OpenSSL's own reading, too.
 *
 * Calls about paths below one folder fail now and then, in threads that have asked for it: faults_begin(folder, permille, seed) and
 * faults_end(), by ctypes. What a thread draws depends on its seed alone. Calls about anything else go through untouched.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS 65536

static const int ERRORS[] = {ENOENT, EACCES, EMFILE, ENFILE, EIO, ESTALE, ENOMEM};

static __thread char folder[4096];
static __thread unsigned permille;
static __thread unsigned long long state;
static unsigned long made;
static char ours[DESCRIPTORS];

void faults_begin(const char *path, unsigned how_many, unsigned long long seed)
{
    snprintf(folder, sizeof folder, "%s", path);
    state = seed * 2654435761u + 88172645463325252ull;
    permille = how_many;
}

void faults_end(void) { permille = 0; }

unsigned long faults_made(void) { return __atomic_load_n(&made, __ATOMIC_RELAXED); }

static unsigned draw(unsigned limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 32) % limit);
}

static int unlucky(int concerns)
{
    if (!permille || !concerns || draw(1000) >= permille)
        return 0;
    __atomic_add_fetch(&made, 1, __ATOMIC_RELAXED);
    return 1;
}

static int below(const char *path) { return permille && path && !strncmp(path, folder, strlen(folder)); }

static int is_ours(int descriptor) { return descriptor >= 0 && descriptor < DESCRIPTORS && ours[descriptor]; }

static int noted(int descriptor, int concerns)
{
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        ours[descriptor] = (char)concerns;
    return descriptor;
}

static int fails(void)
{
    errno = ERRORS[draw(sizeof ERRORS / sizeof *ERRORS)];
    return -1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                                                                                                \
    int name(const char *path, int flags, ...)                                                                                    \
    {                                                                                                                             \
        REAL(name);                                                                                                               \
        va_list arguments;                                                                                                        \
        va_start(arguments, flags);                                                                                               \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(arguments, mode_t) : 0;                                            \
        va_end(arguments);                                                                                                        \
        return unlucky(below(path)) ? fails() : noted(real(path, flags, mode), below(path));                                      \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                              \
    int name(int at, const char *path, int flags, ...)                                                                            \
    {                                                                                                                             \
        REAL(name);                                                                                                               \
        va_list arguments;                                                                                                        \
        va_start(arguments, flags);                                                                                               \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(arguments, mode_t) : 0;                                            \
        va_end(arguments);                                                                                                        \
        return unlucky(below(path)) ? fails() : noted(real(at, path, flags, mode), below(path));                                  \
    }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                                                                               \
    FILE *name(const char *path, const char *mode)                                                                                \
    {                                                                                                                             \
        REAL(name);                                                                                                               \
        if (unlucky(below(path)))                                                                                                 \
            return fails(), NULL;                                                                                                 \
        FILE *file = real(path, mode);                                                                                            \
        if (file)                                                                                                                 \
            noted(fileno(file), below(path));                                                                                     \
        return file;                                                                                                              \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define BY_PATH(name, type)                                                                                                       \
    int name(const char *path, type *found)                                                                                       \
    {                                                                                                                             \
        REAL(name);                                                                                                               \
        return unlucky(below(path)) ? fails() : real(path, found);                                                                \
    }
BY_PATH(stat, struct stat)
BY_PATH(stat64, struct stat64)
BY_PATH(lstat, struct stat)
BY_PATH(lstat64, struct stat64)

#define BY_PATH_AT(name, type)                                                                                                    \
    int name(int at, const char *path, type *found, int flags)                                                                    \
    {                                                                                                                             \
        REAL(name);                                                                                                               \
        return unlucky(below(path)) ? fails() : real(at, path, found, flags);                                                     \
    }
BY_PATH_AT(fstatat, struct stat)
BY_PATH_AT(fstatat64, struct stat64)

#define BY_DESCRIPTOR(name, type)                                                                                                 \
    int name(int descriptor, type *found)                                                                                         \
    {                                                                                                                             \
        REAL(name);                                                                                                               \
        return unlucky(is_ours(descriptor)) ? fails() : real(descriptor, found);                                                  \
    }
BY_DESCRIPTOR(fstat, struct stat)
BY_DESCRIPTOR(fstat64, struct stat64)

DIR *opendir(const char *path)
{
    REAL(opendir);
    return unlucky(below(path)) ? fails(), NULL : real(path);
}

/* Half of the unlucky reads are short, the others fail. */
ssize_t read(int descriptor, void *buffer, size_t size)
{
    REAL(read);
    if (!size || !unlucky(is_ours(descriptor)))
        return real(descriptor, buffer, size);
    return draw(2) ? real(descriptor, buffer, 1 + draw(size > 4096 ? 4096 : (unsigned)size)) : fails();
}

/* What OpenSSL reads a PEM file with: half of the unlucky ends of a file are errors. */
static int breaks_off(FILE *file)
{
    if (!unlucky(is_ours(fileno(file))))
        return 0;
#ifdef _IO_ERR_SEEN
    if (draw(2))
        file->_flags |= _IO_ERR_SEEN;
#endif
    return fails();
}

char *fgets(char *buffer, int size, FILE *file)
{
    REAL(fgets);
    return breaks_off(file) ? NULL : real(buffer, size, file);
}

size_t fread(void *buffer, size_t size, size_t count, FILE *file)
{
    REAL(fread);
    return breaks_off(file) ? 0 : real(buffer, size, count, file);
}

int close(int descriptor)
{
    REAL(close);
    noted(descriptor, 0);
    return real(descriptor);
}

int fclose(FILE *file)
{
    REAL(fclose);
    noted(fileno(file), 0);
    return real(file);
}
