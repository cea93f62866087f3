/* Adds a fixed delay to every sync, so that a disk's own noise does not decide the figure: FS_US microseconds each.
   Loaded into the measured server with LD_PRELOAD; nothing of AnyDay itself is compiled. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_a_little(void) {
  const char *typed = getenv("FS_US");
  if (typed) usleep((useconds_t)atoi(typed));
}
int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_a_little();
  return real(fd);
}
int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_a_little();
  return real(fd);
}
