/* Security.framework, as far as truststore declares it: objects as strict as CoreFoundation's, and a verdict on real certificates.
 *
 * libcrypto builds the path and says what is wrong with it, without stopping at the first thing; the rules of Apple's SSL policy are
 * added; then the worst finding alone is reported, in Apple's order of severity. The keychain is a directory of directories of PEM files:
 *
 *   system/ user/ admin/   roots that are trusted          denied/          "never trust", in the user's settings
 *   revoked/               withdrawn, and known to be      revoked-online/  withdrawn, for those who ask the network
 *   good/                  the network says they are good  intermediates/   what the network delivers for a missing issuer
 *
 * Of a trusted root there may be settings in words (`sim_settings`), for those who list roots; verdicts do not heed them.
 *
 * What is not simulated: public suffixes, Certificate Transparency, extended validation, pinning, and time (only the real one). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "simulator.h"

enum { errSecParam = -50, errSecInternal = -26276, errSecNoTrustSettings = -25263, errSecItemNotFound = -25300 };
enum { DOMAIN_USER, DOMAIN_ADMIN, DOMAIN_SYSTEM, DOMAINS };
enum { OCSP = 1, CRL = 2, PREFER_CRL = 4, REQUIRE_POSITIVE = 8, NETWORK_DISABLED = 16 };
enum { PROCEED = 1, DENY = 3, UNSPECIFIED = 4, RECOVERABLE = 5, FATAL = 6 };
enum { MOST_CERTIFICATES = 250, PRIVATE_DAYS = 825, SYSTEM_DAYS = 398 };
enum { JULY_2019 = 1561939200, SEPTEMBER_2020 = 1598918400 };

/* The worst first: of several findings the first of these is reported, and of equals that of the lowest certificate. */
enum severity { BLOCKED, REVOKED, KEY_SIZE, WEAK_HASH, DENIED, COMPLIANCE, PINNING, TRUST, USAGE, NAME, EXPIRED, NOTHING };

enum {
    HostNameMismatch = -67602, UnknownCriticalExtension = -67603, NoBasicConstraints = -67604, InvalidKeyUsage = -67608,
    InvalidExtendedKeyUsage = -67609, PathLength = -67611, IncompleteRevocationCheck = -67635, TrustSettingDeny = -67654,
    InvalidName = -67689, UnsupportedKeySize = -67735, InvalidDigest = -67815, CertificateExpired = -67818, CertificateRevoked = -67820,
    InvalidSubjectName = -67655, NotTrusted = -67843, ValidityTooLong = -67901, CreateChainFailed = -25318
};

struct certificate { struct object object; X509 *x509; };
struct policy { struct object object; bool revocation, server; CFOptionFlags flags; CFTypeRef hostname, oid; };
struct trust {
    struct object object;
    CFTypeRef certificates, policies, chain;
    bool evaluated, in_use;
    enum severity severity;
    CFIndex index, code;
    SecTrustResultType result;
};

/* ------------------------------------------------------------------------------------------------------ keychain */

enum store { SYSTEM, USER, ADMIN, DENIED_ROOTS, REVOKED_ALWAYS, REVOKED_ONLINE, GOOD, INTERMEDIATES, STORES };
static const char *const directories[STORES] = {"system", "user", "admin", "denied", "revoked", "revoked-online", "good", "intermediates"};
static STACK_OF(X509) *keychain[STORES];
static bool network = true;
static SecTrustResultType forced_result;
static long evaluations;
static pthread_rwlock_t keychain_lock = PTHREAD_RWLOCK_INITIALIZER;

static void load_file(STACK_OF(X509) *into, const char *directory, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    for (X509 *x509; file && (x509 = PEM_read_X509(file, NULL, NULL, NULL));)
        sk_X509_push(into, x509);
    if (file)
        fclose(file);
}

static STACK_OF(X509) *load_directory(const char *path, const char *name) {
    char directory[2048];
    STACK_OF(X509) *loaded = sk_X509_new_null();
    snprintf(directory, sizeof directory, "%s/%s", path, name);
    DIR *entries = opendir(directory);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (entry->d_name[0] != '.')
            load_file(loaded, directory, entry->d_name);
    if (entries)
        closedir(entries);
    return loaded;
}

/* The machine's certificates from now on; NULL or an empty directory: none. */
EXPORT void sim_keychain(const char *path) {
    pthread_rwlock_wrlock(&keychain_lock);
    for (int store = 0; store < STORES; store++) {
        sk_X509_pop_free(keychain[store], X509_free);
        keychain[store] = path ? load_directory(path, directories[store]) : sk_X509_new_null();
    }
    pthread_rwlock_unlock(&keychain_lock);
    ERR_clear_error(); /* PEM_read_X509() has left "no start line", which CPython 3.10 would take for an error of its own */
}

/* Whether there is a network to fetch missing issuers and revocation from. */
EXPORT void sim_network(int available) { network = available; }

/* What SecTrustEvaluate says from now on, whatever it finds; 0: what it finds. */
EXPORT void sim_result(SecTrustResultType result) { forced_result = result; }

/* How many paths were evaluated since the simulator was loaded. */
EXPORT long sim_evaluations(void) { return __atomic_load_n(&evaluations, __ATOMIC_SEQ_CST); }

static bool among(STACK_OF(X509) *certificates, X509 *x509) {
    for (int i = 0; i < sk_X509_num(certificates); i++)
        if (!X509_cmp(sk_X509_value(certificates, i), x509))
            return true;
    return false;
}

/* ---------------------------------------------------------------------------------------------- one path, judged */

struct verdict {
    STACK_OF(X509) *chain;
    bool ssl, revocation, positive;
    const char *hostname; /* NULL: any */
    bool anchored;
    enum severity severity;
    int index, code;
};

static void found(struct verdict *verdict, enum severity severity, int index, int code) {
    if (severity < verdict->severity || (severity == verdict->severity && index < verdict->index))
        verdict->severity = severity, verdict->index = index, verdict->code = code;
}

static const struct { int openssl; enum severity severity; int apple; } findings[] = {
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, TRUST, NotTrusted},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, TRUST, NotTrusted},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, TRUST, CreateChainFailed},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, TRUST, CreateChainFailed},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, TRUST, CreateChainFailed},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, TRUST, CreateChainFailed},
    {X509_V_ERR_CERT_NOT_YET_VALID, EXPIRED, CertificateExpired},
    {X509_V_ERR_CERT_HAS_EXPIRED, EXPIRED, CertificateExpired},
    {X509_V_ERR_INVALID_CA, COMPLIANCE, NoBasicConstraints},
    {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, USAGE, InvalidKeyUsage},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, COMPLIANCE, PathLength},
    {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, COMPLIANCE, UnknownCriticalExtension},
    {X509_V_ERR_PERMITTED_VIOLATION, COMPLIANCE, InvalidName},
    {X509_V_ERR_EXCLUDED_VIOLATION, COMPLIANCE, InvalidName},
};

static int note_and_go_on(int fine, X509_STORE_CTX *context) {
    struct verdict *verdict = X509_STORE_CTX_get_app_data(context);
    if (fine)
        return 1;
    int openssl = X509_STORE_CTX_get_error(context), at = X509_STORE_CTX_get_error_depth(context);
    uint32_t usage = X509_get_key_usage(X509_STORE_CTX_get_current_cert(context));
    if (openssl == X509_V_ERR_INVALID_CA && usage != UINT32_MAX && !(usage & KU_KEY_CERT_SIGN))
        openssl = X509_V_ERR_KEYUSAGE_NO_CERTSIGN;
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++)
        if (findings[i].openssl == openssl) {
            found(verdict, findings[i].severity, at, findings[i].apple);
            verdict->anchored &= findings[i].severity != TRUST;
            return 1;
        }
    found(verdict, BLOCKED, 0, errSecInternal);
    return 1;
}

static void add_all(X509_STORE *store, STACK_OF(X509) *certificates) {
    for (int i = 0; i < sk_X509_num(certificates); i++)
        X509_STORE_add_cert(store, sk_X509_value(certificates, i));
}

/* Build the path, and note what RFC 5280 has against it. OpenSSL follows one path; Apple, not content with it, tries others and takes the
 * best, an anchored one before all (SecPathBuilder.c): it is built again from the candidates in the opposite order. Constraints count for alternative names alone. */
static void build(struct verdict *verdict, STACK_OF(X509) *sent, bool backwards) {
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *untrusted = sk_X509_dup(sent);
    for (enum store from = SYSTEM; from <= DENIED_ROOTS; from++)
        add_all(store, keychain[from]);
    for (int i = 0; network && i < sk_X509_num(keychain[INTERMEDIATES]); i++)
        sk_X509_push(untrusted, sk_X509_value(keychain[INTERMEDIATES], i));
    for (int i = 0, last = sk_X509_num(untrusted) - 1; backwards && i < last - i; i++)
        sk_X509_set(untrusted, last - i, sk_X509_set(untrusted, i, sk_X509_value(untrusted, last - i)));
    X509_STORE_CTX_init(context, store, sk_X509_value(sent, 0), untrusted);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(context), MOST_CERTIFICATES);
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context), 0);
    X509_VERIFY_PARAM_set_hostflags(X509_STORE_CTX_get0_param(context), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_STORE_CTX_set_app_data(context, verdict);
    X509_STORE_CTX_set_verify_cb(context, note_and_go_on);
    verdict->anchored = true;
    if (X509_verify_cert(context) <= 0)
        found(verdict, BLOCKED, 0, errSecInternal);
    verdict->chain = X509_STORE_CTX_get1_chain(context);
    if (!verdict->chain)
        verdict->chain = sk_X509_new_null();
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_free(untrusted);
}

static time_t seconds(const ASN1_TIME *time) {
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) ? timegm(&tm) : 0;
}

static bool key_too_small(X509 *x509) {
    EVP_PKEY *key = X509_get0_pubkey(x509);
    int kind = key ? EVP_PKEY_base_id(key) : 0;
    return EVP_PKEY_bits(key) < (kind == EVP_PKEY_RSA ? 2048 : kind == EVP_PKEY_EC ? 256 : INT_MAX); /* no other kind will do */
}

static bool hash_too_weak(X509 *x509) {
    int digest = 0;
    return X509_get_signature_info(x509, &digest, NULL, NULL, NULL) && (digest == NID_md5 || digest == NID_sha1);
}

static bool self_issued(X509 *x509) { return !X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)); }

static void check_strength(struct verdict *verdict) {
    for (int i = 0; i < sk_X509_num(verdict->chain); i++) {
        X509 *x509 = sk_X509_value(verdict->chain, i);
        if (key_too_small(x509))
            found(verdict, KEY_SIZE, i, UnsupportedKeySize);
        if (hash_too_weak(x509) && !(i && self_issued(x509))) /* nobody relies on the signature of a root */
            found(verdict, WEAK_HASH, i, InvalidDigest);
    }
}

static bool has_usage(X509 *x509, const int *wanted, bool otherwise) {
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
    bool has = !usages && otherwise;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
        for (const int *nid = wanted; *nid; nid++)
            has |= OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i)) == *nid;
    EXTENDED_KEY_USAGE_free(usages);
    return has;
}

/* https://support.apple.com/103769 (825 days) and 102028 (398 days): -67901. A root of Apple's own asks for serverAuth by name: -67609 */
static void check_leaf(struct verdict *verdict) {
    static const int usual[] = {NID_server_auth, NID_ms_sgc, NID_ns_sgc, 0}, strict[] = {NID_server_auth, 0};
    X509 *leaf = sk_X509_value(verdict->chain, 0), *root = sk_X509_value(verdict->chain, sk_X509_num(verdict->chain) - 1);
    time_t from = seconds(X509_get0_notBefore(leaf)), lifetime = seconds(X509_get0_notAfter(leaf)) - from;
    bool settings = among(keychain[USER], root) || among(keychain[ADMIN], root), shipped = !settings && among(keychain[SYSTEM], root);
    if (!X509_NAME_entry_count(X509_get_subject_name(leaf)) && X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) >= 0
        && !X509_EXTENSION_get_critical(X509_get_ext(leaf, X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1))))
        found(verdict, COMPLIANCE, 0, InvalidSubjectName);
    for (int i = 0; i < sk_X509_num(verdict->chain) - (i > 0); i++) /* of intermediates since macOS 13 (Security-60420) */
        if (!has_usage(sk_X509_value(verdict->chain, i), usual, true))
            found(verdict, USAGE, i, InvalidExtendedKeyUsage);
    if (shipped && !has_usage(leaf, strict, false))
        found(verdict, USAGE, 0, InvalidExtendedKeyUsage);
    if (settings && from >= JULY_2019 && lifetime > PRIVATE_DAYS * 86400L + 3600)
        found(verdict, COMPLIANCE, 0, ValidityTooLong);
    if (shipped && from >= SEPTEMBER_2020 && lifetime > SYSTEM_DAYS * 86400L + 3600)
        found(verdict, COMPLIANCE, 0, ValidityTooLong);
}

/* The whole left-most label may be a wildcard, if two more follow. */
static bool dns_match(const char *hostname, size_t length, const char *name, size_t name_length) {
    const char *dot = memchr(hostname, '.', length);
    if (name_length > 2 && !memcmp(name, "*.", 2) && dot && memchr(name + 2, '.', name_length - 2)) {
        size_t rest = length - (size_t)(dot - hostname);
        return dot != hostname && rest == name_length - 1 && !strncasecmp(dot, name + 1, rest);
    }
    return length == name_length && !strncasecmp(hostname, name, length);
}

/* As text of eight groups or with "::", of hexadecimal digits; an IPv4 address in the last two, or a zone, makes it no address. */
static int address(const char *text, unsigned char *packed) {
    if (strchr(text, ':'))
        return !strchr(text, '.') && inet_pton(AF_INET6, text, packed) == 1 ? 16 : 0;
    return inet_pton(AF_INET, text, packed) == 1 ? 4 : 0;
}

static bool name_matches(X509 *leaf, const char *hostname) {
    unsigned char packed[16];
    int packed_length = address(hostname, packed);
    size_t length = strlen(hostname);
    bool matches = false;
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    if (length && hostname[length - 1] == '.')
        length--;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *value = GENERAL_NAME_get0_value(name, NULL);
        if (name->type == GEN_DNS)
            matches |= dns_match(hostname, length, (const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
        if (name->type == GEN_IPADD && packed_length && ASN1_STRING_length(value) == packed_length)
            matches |= !memcmp(ASN1_STRING_get0_data(value), packed, (size_t)packed_length);
    }
    GENERAL_NAMES_free(names);
    return matches;
}

/* What the user denied, and what was withdrawn. */
static void check_keychain(struct verdict *verdict) {
    for (int i = 0; i < sk_X509_num(verdict->chain); i++) {
        X509 *x509 = sk_X509_value(verdict->chain, i);
        if (among(keychain[DENIED_ROOTS], x509))
            found(verdict, DENIED, i, TrustSettingDeny);
        if (among(keychain[REVOKED_ALWAYS], x509) || (verdict->revocation && network && among(keychain[REVOKED_ONLINE], x509)))
            found(verdict, REVOKED, i, CertificateRevoked);
    }
    if (verdict->positive && !(network && among(keychain[GOOD], sk_X509_value(verdict->chain, 0)))) /* trustd asks for the leaf alone */
        found(verdict, PINNING, 0, IncompleteRevocationCheck);
}

static void judge_path(struct verdict *verdict, STACK_OF(X509) *sent, bool backwards) {
    build(verdict, sent, backwards);
    check_keychain(verdict);
    if (!verdict->ssl || !sk_X509_num(verdict->chain))
        return;
    check_strength(verdict);
    check_leaf(verdict);
    if (verdict->hostname && !name_matches(sk_X509_value(verdict->chain, 0), verdict->hostname))
        found(verdict, NAME, 0, HostNameMismatch);
}

static void judge(struct verdict *verdict, STACK_OF(X509) *sent) {
    struct verdict other = *verdict;
    judge_path(verdict, sent, false);
    judge_path(&other, sent, true);
    bool better = other.anchored == verdict->anchored ? other.severity > verdict->severity : other.anchored;
    sk_X509_pop_free(better ? verdict->chain : other.chain, X509_free);
    if (better)
        *verdict = other;
}

/* --------------------------------------------------------------------------------------------- SecCertificate */

static void destroy_certificate(struct object *object) { X509_free(((struct certificate *)object)->x509); }

static CFTypeRef certificate(X509 *x509, const char *origin) {
    struct certificate *made;
    CFTypeRef reference = sim_new(SecCertificate, sizeof *made, destroy_certificate, origin, (void **)&made);
    made->x509 = x509;
    return reference;
}

EXPORT CFTypeRef SecCertificateCreateWithData(CFTypeRef allocator, CFTypeRef data) {
    ENTER(CFTypeRef);
    struct data *der = sim_checked(data, CFData, __func__, 2);
    const unsigned char *end = der->bytes;
    if (allocator)
        sim_abort(__func__, "allocator %p", allocator);
    X509 *x509 = d2i_X509(NULL, &end, der->length);
    if (x509 && (end != der->bytes + der->length || X509_get_version(x509) > 2)) { /* OpenSSL takes a version 4, Apple does not */
        X509_free(x509);
        x509 = NULL;
    }
    ERR_clear_error(); /* Python's ssl may be looking at the same queue */
    LEAVE(CFTypeRef, x509 ? certificate(x509, __func__) : NULL);
}

EXPORT CFTypeRef SecCertificateCopyData(CFTypeRef reference) {
    ENTER(CFTypeRef);
    struct certificate *certificate = sim_checked(reference, SecCertificate, __func__, 1);
    unsigned char *der = NULL;
    int length = i2d_X509(certificate->x509, &der);
    CFTypeRef data = sim_data(CFData, der, length, __func__);
    OPENSSL_free(der);
    LEAVE(CFTypeRef, data);
}

/* --------------------------------------------------------------------------------------------------- SecPolicy */

static void destroy_policy(struct object *object) {
    struct policy *policy = (struct policy *)object;
    if (policy->hostname)
        sim_release(policy->hostname, "a dying SecPolicy");
    if (policy->oid)
        sim_release(policy->oid, "a dying SecPolicy");
}

EXPORT CFTypeRef SecPolicyCreateSSL(Boolean server, CFTypeRef hostname) {
    ENTER(CFTypeRef);
    struct policy *policy;
    if (hostname)
        sim_retain(sim_checked(hostname, CFString, __func__, 2) ? hostname : NULL);
    CFTypeRef reference = sim_new(SecPolicy, sizeof *policy, destroy_policy, __func__, (void **)&policy);
    policy->server = server, policy->hostname = hostname;
    LEAVE(CFTypeRef, reference);
}

EXPORT CFTypeRef SecPolicyCreateRevocation(CFOptionFlags flags) {
    ENTER(CFTypeRef);
    struct policy *policy;
    if (!flags || flags & ~(CFOptionFlags)(OCSP | CRL | PREFER_CRL | REQUIRE_POSITIVE | NETWORK_DISABLED))
        return NULL;
    CFTypeRef reference = sim_new(SecPolicy, sizeof *policy, destroy_policy, __func__, (void **)&policy);
    policy->revocation = true, policy->flags = flags;
    LEAVE(CFTypeRef, reference);
}

/* ---------------------------------------------------------------------------------------------------- SecTrust */

static void replace(CFTypeRef *slot, CFTypeRef value) {
    if (*slot)
        sim_release(*slot, "SecTrust");
    *slot = value;
}

static void destroy_trust(struct object *object) {
    struct trust *trust = (struct trust *)object;
    replace(&trust->certificates, NULL);
    replace(&trust->policies, NULL);
    replace(&trust->chain, NULL);
}

/* A single object or an array of them, all of `type`, as an array of one's own. */
static CFTypeRef as_array(CFTypeRef one_or_many, const char *type, const char *function, int argument) {
    struct object *object = sim_checked(one_or_many, NULL, function, argument);
    if (object->type != CFArray)
        return sim_array(sim_checked(one_or_many, type, function, argument) ? &one_or_many : NULL, 1, function);
    struct array *array = (struct array *)object;
    for (CFIndex i = 0; i < array->count; i++)
        sim_checked(array->values[i], type, function, argument);
    return sim_array(array->values, array->count, function);
}

/* NULL for the policies is BasicX509, as with Apple: no name, no usage is looked at. That is what makes a NULL policy dangerous. */
EXPORT OSStatus SecTrustCreateWithCertificates(CFTypeRef certificates, CFTypeRef policies, CFTypeRef *result) {
    ENTER(OSStatus);
    struct trust *trust;
    if (!result)
        return errSecParam;
    CFTypeRef many = as_array(certificates, SecCertificate, __func__, 1);
    if (!((struct array *)sim_checked(many, CFArray, __func__, 1))->count) {
        sim_release(many, __func__);
        return errSecParam;
    }
    CFTypeRef how = policies ? as_array(policies, SecPolicy, __func__, 2) : NULL;
    *result = sim_new(SecTrust, sizeof *trust, destroy_trust, __func__, (void **)&trust);
    trust->certificates = many, trust->policies = how;
    LEAVE(OSStatus, 0);
}

static STACK_OF(X509) *stack(CFTypeRef reference) {
    STACK_OF(X509) *certificates = sk_X509_new_null();
    struct array *array = reference ? sim_checked(reference, CFArray, "SecTrust", 0) : NULL;
    for (CFIndex i = 0; array && i < array->count; i++)
        sk_X509_push(certificates, ((struct certificate *)sim_checked(array->values[i], SecCertificate, "SecTrust", 0))->x509);
    return certificates;
}

static void read_policies(struct verdict *verdict, CFTypeRef reference) {
    struct array *array = reference ? sim_checked(reference, CFArray, "SecTrust", 0) : NULL;
    for (CFIndex i = 0; array && i < array->count; i++) {
        struct policy *policy = sim_checked(array->values[i], SecPolicy, "SecTrust", 0);
        verdict->ssl |= !policy->revocation && policy->server;
        verdict->revocation |= policy->revocation;
        verdict->positive |= policy->revocation && policy->flags & REQUIRE_POSITIVE;
        if (policy->hostname)
            verdict->hostname = (const char *)((struct data *)sim_checked(policy->hostname, CFString, "SecPolicy", 0))->bytes;
    }
}

static CFTypeRef chain_array(STACK_OF(X509) *chain) {
    CFTypeRef values[MOST_CERTIFICATES + 2];
    int count = sk_X509_num(chain);
    for (int i = 0; i < count; i++) {
        X509_up_ref(sk_X509_value(chain, i));
        values[i] = certificate(sk_X509_value(chain, i), "SecTrust");
    }
    CFTypeRef array = sim_array(values, count, "SecTrust");
    for (int i = 0; i < count; i++)
        sim_release(values[i], "SecTrust");
    return array;
}

static SecTrustResultType result(struct verdict *verdict) {
    X509 *root = sk_X509_value(verdict->chain, sk_X509_num(verdict->chain) - 1);
    if (verdict->severity == NOTHING)
        return root && among(keychain[USER], root) ? PROCEED : UNSPECIFIED;
    return verdict->severity == DENIED ? DENY : verdict->severity == REVOKED ? FATAL : RECOVERABLE;
}

static void evaluate(struct trust *trust, const char *function) {
    if (__atomic_exchange_n(&trust->in_use, true, __ATOMIC_SEQ_CST))
        sim_abort(function, "a SecTrust is used by two threads at once");
    if (!trust->evaluated) {
        struct verdict verdict = {.severity = NOTHING};
        STACK_OF(X509) *sent = stack(trust->certificates);
        read_policies(&verdict, trust->policies);
        pthread_rwlock_rdlock(&keychain_lock);
        judge(&verdict, sent);
        trust->severity = verdict.severity, trust->index = verdict.index, trust->code = verdict.code;
        trust->result = result(&verdict);
        pthread_rwlock_unlock(&keychain_lock);
        replace(&trust->chain, chain_array(verdict.chain));
        sk_X509_pop_free(verdict.chain, X509_free);
        sk_X509_free(sent);
        ERR_clear_error();
        trust->evaluated = true;
        __atomic_add_fetch(&evaluations, 1, __ATOMIC_SEQ_CST);
    }
    __atomic_store_n(&trust->in_use, false, __ATOMIC_SEQ_CST);
}

static void destroy_error(struct object *object) {
    struct error *error = (struct error *)object;
    sim_release(error->description, "a dying CFError");
    if (error->underlying)
        sim_release(error->underlying, "a dying CFError");
}

static CFTypeRef error(CFIndex code, CFTypeRef description, CFTypeRef underlying) {
    struct error *made;
    CFTypeRef reference = sim_new(CFError, sizeof *made, destroy_error, "SecTrustEvaluateWithError", (void **)&made);
    made->code = code, made->description = description, made->underlying = underlying;
    return reference;
}

/* As Apple's: an error about the certificate, by its name and however long that is, with another inside. */
static CFTypeRef describe(struct trust *trust) {
    STACK_OF(X509) *sent = stack(trust->certificates);
    X509_NAME *subject = X509_get_subject_name(sk_X509_value(sent, 0));
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *name = NULL;
    int length = at < 0 ? 0 : ASN1_STRING_to_UTF8(&name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    char *text = NULL;
    int written = asprintf(&text, "“%.*s” certificate was refused", length < 0 ? 0 : length, name ? (char *)name : "");
    CFTypeRef inner = error(trust->code, sim_data(CFString, "inner", 5, "SecTrustEvaluateWithError"), NULL);
    CFTypeRef outer = error(trust->code, sim_data(CFString, text, written, "SecTrustEvaluateWithError"), inner);
    free(text);
    OPENSSL_free(name);
    sk_X509_free(sent);
    return outer;
}

/* Declared as the byte that a C99 bool is, so that a test can have it answer neither true nor false. */
EXPORT unsigned char SecTrustEvaluateWithError(CFTypeRef reference, CFTypeRef *result) {
    ENTER(unsigned char);
    struct trust *trust = sim_checked(reference, SecTrust, __func__, 1);
    evaluate(trust, __func__);
    if (trust->severity != NOTHING && result)
        *result = describe(trust);
    LEAVE(unsigned char, trust->severity == NOTHING);
}

EXPORT OSStatus SecTrustEvaluate(CFTypeRef reference, SecTrustResultType *result) {
    ENTER(OSStatus);
    struct trust *trust = sim_checked(reference, SecTrust, __func__, 1);
    if (!result)
        return errSecParam;
    evaluate(trust, __func__);
    *result = forced_result ? forced_result : trust->result;
    LEAVE(OSStatus, 0);
}

EXPORT CFTypeRef SecTrustCopyCertificateChain(CFTypeRef reference) {
    ENTER(CFTypeRef);
    struct trust *trust = sim_checked(reference, SecTrust, __func__, 1);
    evaluate(trust, __func__);
    struct array *chain = sim_checked(trust->chain, CFArray, __func__, 0);
    LEAVE(CFTypeRef, sim_array(chain->values, chain->count, __func__));
}

EXPORT CFIndex SecTrustGetCertificateCount(CFTypeRef reference) {
    ENTER(CFIndex);
    struct trust *trust = sim_checked(reference, SecTrust, __func__, 1);
    evaluate(trust, __func__);
    LEAVE(CFIndex, ((struct array *)sim_checked(trust->chain, CFArray, __func__, 0))->count);
}

EXPORT CFTypeRef SecTrustGetCertificateAtIndex(CFTypeRef reference, CFIndex index) {
    ENTER(CFTypeRef);
    struct trust *trust = sim_checked(reference, SecTrust, __func__, 1);
    evaluate(trust, __func__);
    struct array *chain = sim_checked(trust->chain, CFArray, __func__, 0);
    if (index < 0 || index >= chain->count)
        sim_abort(__func__, "index %ld of %ld certificates", index, chain->count);
    LEAVE(CFTypeRef, chain->values[index]);
}

/* ----------------------------------------------------------------------------------------------- trust settings */

EXPORT CFTypeRef kSecPolicyOid, kSecPolicyClient, kSecPolicyAppleSSL, kSecPolicyAppleSSLClient;

/* As Apple's: which policy it is, and for a client's also that it is one. (No policy of another kind can be made here but by settings.) */
EXPORT CFTypeRef SecPolicyCopyProperties(CFTypeRef reference) {
    ENTER(CFTypeRef);
    struct policy *policy = sim_checked(reference, SecPolicy, __func__, 1);
    CFTypeRef oid = policy->oid ? sim_retain(policy->oid) : sim_retain(kSecPolicyAppleSSL), yes = sim_number(CFBoolean, true, __func__);
    CFTypeRef pairs[] = {kSecPolicyOid, oid, kSecPolicyClient, yes};
    CFTypeRef properties = sim_dictionary(pairs, policy->server ? 1 : 2, __func__);
    sim_release(oid, __func__);
    sim_release(yes, __func__);
    LEAVE(CFTypeRef, properties);
}

#define MOST_SETTINGS 64
static struct { int domain; X509 *x509; char *words; } settings[MOST_SETTINGS];

/* Settings of a certificate in a domain from now on: "Result=3,Policy=server;KeyUsage=8", an entry before each ";", none if there are no
 * words. Policies are "server", "client", "other" and "new" (a client's by an OID of its own); what is no number is a string. NULL for the
 * certificate: forget them all. */
EXPORT void sim_settings(int domain, const unsigned char *der, long length, const char *words) {
    int i = 0;
    pthread_rwlock_wrlock(&keychain_lock);
    for (; !der && i < MOST_SETTINGS; i++) {
        X509_free(settings[i].x509);
        free(settings[i].words);
        memset(&settings[i], 0, sizeof settings[i]);
    }
    while (der && i < MOST_SETTINGS - 1 && settings[i].words)
        i++;
    if (der) {
        settings[i].domain = domain;
        settings[i].x509 = d2i_X509(NULL, &der, length);
        settings[i].words = strdup(words);
    }
    pthread_rwlock_unlock(&keychain_lock);
}

static CFTypeRef policy_in_words(const char *word) {
    struct policy *policy;
    CFTypeRef reference = sim_new(SecPolicy, sizeof *policy, destroy_policy, "SecTrustSettingsCopyTrustSettings", (void **)&policy);
    policy->server = strcmp(word, "client");
    if (!strcmp(word, "new"))
        policy->oid = sim_retain(kSecPolicyAppleSSLClient);
    else if (!strcmp(word, "other"))
        policy->oid = sim_data(CFString, "1.2.840.113635.100.1.8", 22, "SecTrustSettingsCopyTrustSettings");
    return reference;
}

static CFTypeRef value_in_words(const char *key, const char *word) {
    char *end;
    long number = strtol(word, &end, 10);
    if (!strcmp(key, "Policy"))
        return policy_in_words(word);
    if (!*end)
        return sim_number(CFNumber, (int32_t)number, "SecTrustSettingsCopyTrustSettings");
    return sim_data(CFString, word, (CFIndex)strlen(word), "SecTrustSettingsCopyTrustSettings");
}

static CFTypeRef entry_in_words(char *words) {
    CFTypeRef pairs[16];
    CFIndex count = 0;
    char *rest = NULL, name[64];
    for (char *word = strtok_r(words, ",", &rest); word && count < 14; word = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(word, '=');
        *equals = 0;
        int length = snprintf(name, sizeof name, "kSecTrustSettings%s", word);
        pairs[count++] = sim_data(CFString, name, length, "SecTrustSettingsCopyTrustSettings");
        pairs[count++] = value_in_words(word, equals + 1);
    }
    CFTypeRef entry = sim_dictionary(pairs, count / 2, "SecTrustSettingsCopyTrustSettings");
    while (count)
        sim_release(pairs[--count], "SecTrustSettingsCopyTrustSettings");
    return entry;
}

static CFTypeRef entries_in_words(const char *words) {
    CFTypeRef entries[16];
    CFIndex count = 0;
    char *copy = strdup(words), *rest = NULL;
    for (char *entry = strtok_r(copy, ";", &rest); entry && count < 16; entry = strtok_r(NULL, ";", &rest))
        entries[count++] = entry_in_words(strcmp(entry, "-") ? entry : strcpy(entry, ""));
    CFTypeRef array = sim_array(entries, count, "SecTrustSettingsCopyTrustSettings");
    while (count)
        sim_release(entries[--count], "SecTrustSettingsCopyTrustSettings");
    free(copy);
    return array;
}

static const char *words_about(X509 *x509, int domain) {
    for (int i = 0; i < MOST_SETTINGS && settings[i].words; i++)
        if (settings[i].domain == domain && !X509_cmp(settings[i].x509, x509))
            return settings[i].words;
    if (domain == DOMAIN_USER && among(keychain[DENIED_ROOTS], x509))
        return "Result=3";
    return among(keychain[domain == DOMAIN_USER ? USER : ADMIN], x509) ? "" : NULL;
}

static void add_to_listed(STACK_OF(X509) *listed, X509 *x509) {
    if (x509 && !among(listed, x509))
        sk_X509_push(listed, x509);
}

static STACK_OF(X509) *with_settings(int domain) {
    static const enum store stores[DOMAINS] = {USER, ADMIN, SYSTEM};
    STACK_OF(X509) *listed = sk_X509_new_null();
    for (int i = 0; i < sk_X509_num(keychain[stores[domain]]); i++)
        add_to_listed(listed, sk_X509_value(keychain[stores[domain]], i));
    for (int i = 0; domain == DOMAIN_USER && i < sk_X509_num(keychain[DENIED_ROOTS]); i++)
        add_to_listed(listed, sk_X509_value(keychain[DENIED_ROOTS], i));
    for (int i = 0; i < MOST_SETTINGS && settings[i].words; i++)
        add_to_listed(listed, settings[i].domain == domain ? settings[i].x509 : NULL);
    return listed;
}

EXPORT OSStatus SecTrustSettingsCopyCertificates(SecTrustSettingsDomain domain, CFTypeRef *result) {
    ENTER(OSStatus);
    if (!result || domain >= DOMAINS)
        sim_abort(__func__, "domain %u, result %p", domain, (void *)result);
    pthread_rwlock_rdlock(&keychain_lock);
    STACK_OF(X509) *listed = with_settings((int)domain);
    bool any = sk_X509_num(listed) > 0;
    if (any)
        *result = chain_array(listed);
    pthread_rwlock_unlock(&keychain_lock);
    sk_X509_free(listed);
    LEAVE(OSStatus, any ? 0 : errSecNoTrustSettings);
}

/* On a Mac this takes a second for one of the system's roots: nobody should ask. */
EXPORT OSStatus SecTrustSettingsCopyTrustSettings(CFTypeRef reference, SecTrustSettingsDomain domain, CFTypeRef *result) {
    ENTER(OSStatus);
    struct certificate *certificate = sim_checked(reference, SecCertificate, __func__, 1);
    if (!result || domain >= DOMAIN_SYSTEM)
        sim_abort(__func__, "domain %u, result %p", domain, (void *)result);
    pthread_rwlock_rdlock(&keychain_lock);
    const char *words = words_about(certificate->x509, (int)domain);
    if (words)
        *result = entries_in_words(words);
    pthread_rwlock_unlock(&keychain_lock);
    LEAVE(OSStatus, words ? 0 : errSecItemNotFound);
}

__attribute__((constructor)) static void start(void) {
    kSecPolicyOid = sim_constant("SecPolicyOid");
    kSecPolicyClient = sim_constant("SecPolicyClient");
    kSecPolicyAppleSSL = sim_constant("1.2.840.113635.100.1.3");
    kSecPolicyAppleSSLClient = sim_constant("a client's OID of its own");
    sim_keychain(NULL);
}
