/* Versions. */
#include <stdio.h>

#include "test.h"

static void the_header_describes_the_library(void) {
    EXPECT(amq_abi_version() == AMQ_ABI_VERSION);
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", ALIYUN_MQTT_MAJOR, ALIYUN_MQTT_MINOR, ALIYUN_MQTT_PATCH);
    EXPECT_TEXT(amq_version(), version);
}

const test versions_tests[] = {
    {"the header describes the library", the_header_describes_the_library},
    END_OF_TESTS,
};
