/* A camera without a camera: a preload library that makes /dev/video0 a V4L2 capture device.
 *
 * It answers the system calls that OpenCV's V4L2 backend makes (open, ioctl, select, mmap of the buffers), so the real
 * backend runs, JPEG decoding and all. Frames come from a file of JPEG pictures one after the other, over and over, at
 * a steady rate; like a driver it drops frames when all its buffers are full. Build and use:
 *
 *     cc -shared -fPIC -o fakecam.so fakecam.c -ldl
 *     LD_PRELOAD=./fakecam.so FAKECAM_FILE=frames.mjpeg python ...
 *
 * FAKECAM_FILE    the pictures; without it the device is not there
 * FAKECAM_W, _H   their size in pixels (1280, 720)
 * FAKECAM_FPS     frames a second (30)
 * FAKECAM_BUSY    set: another program streams from it already
 * FAKECAM_UNPLUG  seconds of streaming after which it is pulled out
 * FAKECAM_REPLUG  seconds after which it is plugged in again (never)
 * FAKECAM_HANG    seconds of streaming after which no frame comes any more
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define DEVICE "/dev/video0"
#define BUFFERS 8
#define BUFFER_SIZE (4u << 20)
#define MOST_PICTURES 100000

/* The system's own version of a function that this file replaces. */
#define SYSTEM(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static struct {
    unsigned char *bytes;
    size_t starts[MOST_PICTURES + 1]; /* where each picture begins, and the end of the last */
    unsigned count;
} pictures;

static struct {
    int descriptor;           /* -1 while closed; a duplicate of `memory`, so that mmap works by itself */
    int memory;               /* backs the buffers */
    unsigned char *buffers;
    unsigned requested;       /* buffers that the program asked for */
    unsigned queue[BUFFERS];  /* those it gave us to fill, oldest first */
    unsigned queued;
    bool streaming;
    double started;           /* when the stream was switched on */
    unsigned sequence;        /* of the next frame */
    double pulled;            /* when it was unplugged; 0 while it is plugged in */
} camera = {.descriptor = -1, .memory = -1};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double setting(const char *name, double otherwise)
{
    const char *text = getenv(name);
    return text ? atof(text) : otherwise;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

/* ---- the pictures ---- */

static bool load_pictures(void)
{
    if (pictures.count)
        return true;
    const char *path = getenv("FAKECAM_FILE");
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file)
        return false;
    fseek(file, 0, SEEK_END);
    size_t length = ftell(file);
    rewind(file);
    pictures.bytes = malloc(length);
    length = fread(pictures.bytes, 1, length, file);
    fclose(file);
    for (size_t i = 0; i + 2 < length && pictures.count < MOST_PICTURES; i++)
        if (!memcmp(pictures.bytes + i, "\xff\xd8\xff", 3)) /* start of a JPEG picture */
            pictures.starts[pictures.count++] = i;
    pictures.starts[pictures.count] = length;
    return pictures.count > 0;
}

/* ---- the stream ---- */

static double elapsed(void) { return now() - camera.started; }
static bool unplugged(void)
{
    bool pulled = camera.streaming && elapsed() > setting("FAKECAM_UNPLUG", INFINITY);
    if (pulled && !camera.pulled)
        camera.pulled = now();
    return pulled;
}
static bool hangs(void) { return camera.streaming && elapsed() > setting("FAKECAM_HANG", INFINITY); }

/* Seconds until the next frame is there; 0 if it is. */
static double until_frame(void)
{
    if (!camera.streaming || hangs())
        return INFINITY;
    return fmax(0, (camera.sequence + 1) / setting("FAKECAM_FPS", 30) - elapsed());
}

static int dequeue(struct v4l2_buffer *buffer)
{
    if (unplugged())
        return fail(ENODEV);
    if (!camera.streaming || !camera.queued)
        return fail(EINVAL);
    if (until_frame() > 0)
        return fail(EAGAIN);
    unsigned newest = elapsed() * setting("FAKECAM_FPS", 30);
    if (newest > camera.sequence + camera.requested)
        camera.sequence = newest - camera.requested; /* all buffers were full: frames were dropped */
    unsigned index = camera.queue[0];
    camera.queued--;
    memmove(camera.queue, camera.queue + 1, camera.queued * sizeof *camera.queue);
    unsigned picture = camera.sequence % pictures.count;
    size_t length = pictures.starts[picture + 1] - pictures.starts[picture];
    memcpy(camera.buffers + (size_t)index * BUFFER_SIZE, pictures.bytes + pictures.starts[picture], length);
    buffer->index = index;
    buffer->bytesused = length;
    buffer->length = BUFFER_SIZE;
    buffer->m.offset = index * BUFFER_SIZE;
    buffer->flags = V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->field = V4L2_FIELD_NONE;
    buffer->sequence = camera.sequence++;
    double t = now();
    buffer->timestamp.tv_sec = (time_t)t;
    buffer->timestamp.tv_usec = (t - (time_t)t) * 1e6;
    return 0;
}

static void describe_format(struct v4l2_format *format)
{
    struct v4l2_pix_format *pixels = &format->fmt.pix;
    memset(pixels, 0, sizeof *pixels);
    pixels->width = setting("FAKECAM_W", 1280); /* whatever was asked for: like many cameras it has one size */
    pixels->height = setting("FAKECAM_H", 720);
    pixels->pixelformat = V4L2_PIX_FMT_MJPEG;
    pixels->field = V4L2_FIELD_NONE;
    pixels->sizeimage = BUFFER_SIZE;
    pixels->colorspace = V4L2_COLORSPACE_JPEG;
}

static int answer(unsigned request, void *argument)
{
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = argument;
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "fakecam");
        strcpy((char *)capability->card, "Fake Camera");
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUMINPUT: {
        struct v4l2_input *input = argument;
        if (input->index)
            return fail(EINVAL);
        memset(input, 0, sizeof *input);
        strcpy((char *)input->name, "Camera 1");
        input->type = V4L2_INPUT_TYPE_CAMERA;
        return 0;
    }
    case VIDIOC_G_INPUT:
        *(int *)argument = 0;
        return 0;
    case VIDIOC_S_INPUT:
        return 0;
    case VIDIOC_S_FMT:
        if (getenv("FAKECAM_BUSY")) /* here a real driver notices; opening the device succeeds */
            return fail(EBUSY);
        describe_format(argument);
        return 0;
    case VIDIOC_G_FMT:
    case VIDIOC_TRY_FMT:
        describe_format(argument);
        return 0;
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: {
        struct v4l2_captureparm *parameters = &((struct v4l2_streamparm *)argument)->parm.capture;
        parameters->capability = V4L2_CAP_TIMEPERFRAME;
        parameters->timeperframe.numerator = 1000;
        parameters->timeperframe.denominator = setting("FAKECAM_FPS", 30) * 1000;
        return 0;
    }
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *wanted = argument;
        if (wanted->memory != V4L2_MEMORY_MMAP)
            return fail(EINVAL);
        if (wanted->count > BUFFERS)
            wanted->count = BUFFERS;
        camera.requested = wanted->count;
        camera.queued = 0;
        return 0;
    }
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = argument;
        if (buffer->index >= camera.requested)
            return fail(EINVAL);
        buffer->length = BUFFER_SIZE;
        buffer->m.offset = buffer->index * BUFFER_SIZE;
        buffer->flags = 0;
        return 0;
    }
    case VIDIOC_QBUF:
        if (camera.queued == BUFFERS)
            return fail(EINVAL);
        camera.queue[camera.queued++] = ((struct v4l2_buffer *)argument)->index;
        return 0;
    case VIDIOC_DQBUF:
        return dequeue(argument);
    case VIDIOC_STREAMON:
        camera.streaming = true;
        camera.started = now();
        camera.sequence = 0;
        return 0;
    case VIDIOC_STREAMOFF:
        camera.streaming = false;
        camera.queued = 0;
        return 0;
    }
    return fail(EINVAL);
}

/* ---- the system calls ---- */

static bool is_away(void)
{
    if (camera.pulled && now() > camera.pulled + setting("FAKECAM_REPLUG", INFINITY))
        camera.pulled = 0;
    return camera.pulled > 0;
}

static int open_camera(void)
{
    if (!load_pictures() || is_away())
        return fail(ENOENT);
    if (camera.memory < 0) {
        size_t size = (size_t)BUFFERS * BUFFER_SIZE;
        camera.memory = memfd_create("fakecam", 0);
        if (ftruncate(camera.memory, size))
            return fail(ENOMEM);
        camera.buffers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, camera.memory, 0);
    }
    camera.descriptor = dup(camera.memory);
    camera.streaming = false;
    camera.queued = camera.requested = 0;
    return camera.descriptor;
}

static bool is_camera(const char *path) { return path && !strcmp(path, DEVICE); }

#define REPLACE_OPEN(name)                                \
    int name(const char *path, int flags, ...)            \
    {                                                     \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        int mode = va_arg(rest, int);                     \
        va_end(rest);                                     \
        return is_camera(path) ? open_camera() : SYSTEM(name)(path, flags, mode); \
    }
REPLACE_OPEN(open)
REPLACE_OPEN(open64)

#define REPLACE_STAT(name, type)                          \
    int name(const char *path, struct type *status)       \
    {                                                     \
        if (!is_camera(path) || !load_pictures() || is_away()) \
            return SYSTEM(name)(path, status);            \
        memset(status, 0, sizeof *status);                \
        status->st_mode = S_IFCHR | 0660;                 \
        status->st_rdev = makedev(81, 0);                 \
        return 0;                                         \
    }
REPLACE_STAT(stat, stat)
REPLACE_STAT(stat64, stat64)

int close(int descriptor)
{
    if (descriptor >= 0 && descriptor == camera.descriptor) {
        camera.descriptor = -1;
        camera.streaming = false;
    }
    return SYSTEM(close)(descriptor);
}

int ioctl(int descriptor, unsigned long request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (descriptor >= 0 && descriptor == camera.descriptor)
        return answer((unsigned)request, argument);
    return SYSTEM(ioctl)(descriptor, request, argument);
}

int select(int count, fd_set *read, fd_set *write, fd_set *except, struct timeval *timeout)
{
    if (camera.descriptor < 0 || !read || camera.descriptor >= count || !FD_ISSET(camera.descriptor, read))
        return SYSTEM(select)(count, read, write, except, timeout);
    double deadline = timeout ? now() + timeout->tv_sec + timeout->tv_usec * 1e-6 : INFINITY;
    while (until_frame() > 0 && !unplugged()) { /* an unplugged device wakes those who wait */
        if (now() >= deadline)
            return 0;
        usleep(1000);
    }
    return 1;
}
