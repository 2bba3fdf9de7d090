{
  "targets": [
    {
      "target_name": "vmexit",
      "sources": [
        "native/addon.cc",
        "native/host.cc",
        "native/kernel/attach.cc",
        "native/kernel/btf.cc",
        "native/kernel/core_btf.cc",
        "native/kernel/fields.cc",
        "native/kernel/log.cc",
        "native/kernel/names.cc",
        "native/kernel/programs.cc",
        "native/kernel/support.cc",
        "native/kernel/this_host.cc",
        "native/kernel/tracefs.cc",
        "native/local_time.cc",
        "native/lock.cc",
        "native/overhead.cc",
        "native/privileges.cc",
        "native/split/binding.cc",
        "native/split/splitter.cc",
        "native/stat/binding.cc",
        "native/stat/counters.cc",
        "native/static_libbpf.cc",
        "native/trace/binding.cc",
        "native/trace/encoder.cc",
        "native/trace/kinds.cc",
        "native/trace/recorder.cc",
        "native/vmexit/session.cc",
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "VMEXIT_VERSION=<!(node -p \"require('./package.json').version\")"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti"],
      "cflags_cc": ["-std=c++17", "-fexceptions"],
      "libraries": [
        "<!(pkg-config --variable=libdir libbpf)/libbpf.a",
        "-lelf",
        "-lz"
      ],
      # Distributions build libbpf.a as PIE, which may name no data of another library: see native/static_libbpf.cc.
      "ldflags": ["-Wl,--wrap=stderr", "-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack"],
      # Root runs it: what overruns a buffer ends the process, and no table of addresses can be written.
      "configurations": {
        "Release": {
          "cflags": ["-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"],
        },
      },
    }
  ]
}
