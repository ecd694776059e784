/* A PKCS#11 module that hands every call to SoftHSM2 and fails where the file named by CARDWRIGHT_FAULTS says so:
 *
 *   away                 the token is pulled out: no slots, its sessions end, CKR_DEVICE_REMOVED
 *   blink                it is pulled out and put back before the next signature: its sessions end, once
 *   Login 0xA4           C_Login answers CKR_PIN_LOCKED; likewise SignInit, OpenSession, GetMechanismInfo
 *   OpenSession>3 0xB1   ... from the fourth session on
 *
 * Each C_Login is written to the file with the suffix .log. The table is CK_FUNCTION_LIST of PKCS#11 2.40 clause 5.2. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long RV;
typedef unsigned long UL;
enum { GET_SLOT_LIST = 4, GET_MECHANISM_INFO = 8, OPEN_SESSION = 12, CLOSE_SESSION = 13, CLOSE_ALL_SESSIONS = 14, LOGIN = 18, SIGN_INIT = 42 };
struct list {
    unsigned char version[2];
    void *function[68];
};
static struct list *real, ours;
static int open_sessions, was_away;
static UL known_slots[16], known_count;

static void end_sessions(void) {
    for (UL i = 0; i < known_count; i++) ((RV(*)(UL))real->function[CLOSE_ALL_SESSIONS])(known_slots[i]);
}

static RV fault(const char *name) {
    char line[80], found[40];
    unsigned long code;
    int more;
    RV answer = 0;
    FILE *file = fopen(getenv("CARDWRIGHT_FAULTS"), "r");
    if (!file) {
        was_away = 0;
        return 0;
    }
    while (fgets(line, sizeof line, file)) {
        if (!strncmp(line, "blink", 5) && !strcmp(name, "SignInit")) {
            if (!unlink(getenv("CARDWRIGHT_FAULTS"))) end_sessions();
        } else if (!strncmp(line, "away", 4)) {
            if (!was_away) {
                was_away = 1;
                end_sessions();
            }
            answer = 0x32;
        } else if (sscanf(line, "%39[A-Za-z]>%d %lx", found, &more, &code) == 3) {
            if (!strcmp(found, name) && open_sessions >= more) answer = code;
        } else if (sscanf(line, "%39[A-Za-z] %lx", found, &code) == 2 && !strcmp(found, name)) {
            answer = code;
        }
    }
    fclose(file);
    return answer;
}

static RV get_slot_list(unsigned char present, UL *slots, UL *count) {
    if (fault("GetSlotList")) {
        *count = 0;
        return 0;
    }
    RV rv = ((RV(*)(unsigned char, UL *, UL *))real->function[GET_SLOT_LIST])(present, slots, count);
    if (rv == 0 && slots)
        for (known_count = 0; known_count < *count && known_count < 16; known_count++) known_slots[known_count] = slots[known_count];
    return rv;
}

static RV get_mechanism_info(UL slot, UL type, void *info) {
    RV rv = fault("GetMechanismInfo");
    return rv ? rv : ((RV(*)(UL, UL, void *))real->function[GET_MECHANISM_INFO])(slot, type, info);
}

static RV open_session(UL slot, UL flags, void *application, void *notify, UL *session) {
    RV rv = fault("OpenSession");
    if (!rv) rv = ((RV(*)(UL, UL, void *, void *, UL *))real->function[OPEN_SESSION])(slot, flags, application, notify, session);
    if (!rv) __atomic_add_fetch(&open_sessions, 1, __ATOMIC_SEQ_CST);
    return rv;
}

static RV close_session(UL session) {
    RV rv = ((RV(*)(UL))real->function[CLOSE_SESSION])(session);
    if (!rv) __atomic_sub_fetch(&open_sessions, 1, __ATOMIC_SEQ_CST);
    return rv;
}

static RV login(UL session, UL user, unsigned char *pin, UL len) {
    char path[1000];
    RV rv = fault("Login");
    snprintf(path, sizeof path, "%s.log", getenv("CARDWRIGHT_FAULTS"));
    FILE *file = fopen(path, "a");
    fputs("login\n", file);
    fclose(file);
    return rv ? rv : ((RV(*)(UL, UL, unsigned char *, UL))real->function[LOGIN])(session, user, pin, len);
}

static RV sign_init(UL session, void *mechanism, UL key) {
    RV rv = fault("SignInit");
    return rv ? rv : ((RV(*)(UL, void *, UL))real->function[SIGN_INIT])(session, mechanism, key);
}

RV C_GetFunctionList(struct list **out) {
    if (!real) {
        void *library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
        RV (*get)(struct list **) = library ? (RV(*)(struct list **))dlsym(library, "C_GetFunctionList") : 0;
        if (!get || get(&real)) return 5;
        ours = *real;
        ours.function[GET_SLOT_LIST] = get_slot_list;
        ours.function[GET_MECHANISM_INFO] = get_mechanism_info;
        ours.function[OPEN_SESSION] = open_session;
        ours.function[CLOSE_SESSION] = close_session;
        ours.function[LOGIN] = login;
        ours.function[SIGN_INIT] = sign_init;
    }
    *out = &ours;
    return 0;
}
