# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034
# Sets `emulator` for Bochs, which emulates Intel VMX with EPT: its disk, its boot CD, its settings. Sourced by run.

# Bochs shares no folder: its disk holds the built project, programs to run it with, and their libraries.
disk=$work/disk
mkdir -p "$disk"/{bin,usr/bin,usr/local/bin,dev,proc,sys,tmp,run,root,etc} "$disk$project"
tar -C "$project" --exclude=./.git --exclude=./node_modules --exclude=./build/Release/obj.target -c . | tar -C "$disk$project" -x
if [[ -d $project/node_modules ]]; then
  { npm --prefix "$project" ls --omit=dev --all --parseable 2>/dev/null || true; } | sed -n "s|^$project/||p" |
    tar -C "$project" -c -T - | tar -C "$disk$project" -x
fi
if node=$(command -v node); then cp -L "$node" "$disk/usr/local/bin/node"; fi
cp -L /bin/bash "$disk/bin/bash"
cp "$busybox" "$disk/bin/busybox"
"$busybox" --list | while read -r applet; do
  [[ -e $disk/bin/$applet ]] || ln -s busybox "$disk/bin/$applet"
done
ln -s /bin/env "$disk/usr/bin/env"
for path in ${copies[@]+"${copies[@]}"}; do
  path=$(realpath -s "$path")
  mkdir -p "$disk${path%/*}"
  cp -aL "$path" "$disk${path%/*}/"
done
{ find "$disk" -type f \( -perm -u+x -o -name '*.node' -o -name '*.so*' \) -exec ldd {} + 2>/dev/null || true; } | # not all are dynamic
  grep -oE '/[^ ]+\.so[^ ]*' | sort -u | while read -r library; do
    [[ ! -e $library || -e $disk$library ]] || { mkdir -p "$disk${library%/*}" && cp -L "$library" "$disk$library"; }
  done
# Whole cylinders of 16 heads and 63 sectors, with 64 MiB for the file system's own needs.
cylinders=$((($(du -sm "$disk" | cut -f 1) + 64) * 1048576 / 516096))
mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -d "$disk" "$work/disk.img" $((cylinders * 504))k >/dev/null

mkdir -p "$work/cd/boot/grub"
cp "$kernel/vmlinuz" "$work/cd/boot/vmlinuz"
cp "$work/initramfs.cpio" "$work/cd/boot/initramfs"
cat >"$work/cd/boot/grub/grub.cfg" <<GRUB
set timeout=0
menuentry lab {
  linux /boot/vmlinuz console=ttyS0 $append nokaslr no_timer_check mitigations=off tsc=reliable tsc_early_khz=200000
  initrd /boot/initramfs
}
GRUB
grub-mkrescue -o "$work/cd.iso" "$work/cd" -d /usr/lib/grub/i386-pc >"$work/emulator" 2>&1 ||
  fail 125 "grub-mkrescue failed: $(tail -n 1 "$work/emulator")"

# ips: an instruction takes 5 ns of the machine's time, and is one tick of the TSC, 200 MHz (clock: sync=none).
# hideIPS, vga: the screen, a terminal, isn't read. Once it is full, after some 1,000 updates, Bochs blocks.
# ignore_bad_msrs: Linux reads MSRs that Bochs doesn't have.
cat >"$work/bochsrc" <<BOCHS
display_library: term, options="hideIPS"
vga: update_freq=1, realtime=0
cpu: model=corei7_haswell_4770, count=1, ips=200000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=$mem, host=$mem
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0-master: type=disk, path="$work/disk.img", mode=flat, cylinders=$cylinders, heads=16, spt=63
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path="$work/cd.iso", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev="$work/console"
com2: enabled=1, mode=file, dev="$work/stdout"
com3: enabled=1, mode=file, dev="$work/stderr"
com4: enabled=1, mode=file, dev="$work/control"
log: $work/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
clock: sync=none, time0=utc
BOCHS
# Debian's Bochs starts in its debugger, which needs a terminal: script gives it one, `c` continues.
echo c >"$work/debugger"
emulator=(env TERM=xterm script -qec "exec bochs-bin -q -f '$work/bochsrc' -rc '$work/debugger'" /dev/null)
