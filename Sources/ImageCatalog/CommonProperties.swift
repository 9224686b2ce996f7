/// Properties that are no attributes of every image but mean the same to everybody who reads them.
///
/// Clients offer an option for each one that the schema describes.
enum CommonProperties {
    static var schema: [String: JSON] {
        descriptions.mapValues { description in
            .object([
                "type": .string("string"), "is_base": .bool(false), "description": .string(description),
            ])
        }
    }

    private static let descriptions = [
        "architecture": "Operating system architecture, such as x86_64 or aarch64",
        "cinder_encryption_key_id": "Identifier of the key that the volume is encrypted with",
        "cinder_encryption_key_deletion_policy": "Whether that key is deleted with the image: on_image_deletion",
        "description": "A description of the image, for people",
        "hw_architecture": "Architecture that the guest's hardware must have",
        "hw_boot_menu": "Whether the BIOS shows its boot menu: true or false",
        "hw_cdrom_bus": "Bus of CD drives: ide, sata, scsi, usb or virtio",
        "hw_cpu_cores": "Preferred number of cores to expose",
        "hw_cpu_policy": "Whether guest processors are pinned: shared or dedicated",
        "hw_cpu_sockets": "Preferred number of sockets to expose",
        "hw_cpu_threads": "Preferred number of threads to expose",
        "hw_disk_bus": "Bus of disks: ide, sata, scsi, usb or virtio",
        "hw_firmware_type": "Firmware to boot with: bios or uefi",
        "hw_machine_type": "Machine type of the hypervisor, such as q35",
        "hw_mem_page_size": "Size of memory pages: small, large, any, or a number in KiB",
        "hw_numa_nodes": "Number of NUMA nodes to expose",
        "hw_qemu_guest_agent": "Whether the image contains the QEMU guest agent: yes or no",
        "hw_rng_model": "Model of the random number generator, such as virtio",
        "hw_scsi_model": "Model of the SCSI controller, such as virtio-scsi",
        "hw_serial_port_count": "Number of serial ports",
        "hw_video_model": "Model of the video card, such as virtio",
        "hw_vif_model": "Model of network cards, such as virtio",
        "hw_watchdog_action": "What happens when the guest hangs: disabled, reset, poweroff, pause or none",
        "instance_uuid": "The server that this image was made from",
        "kernel_id": "The image that holds the kernel to boot this one with",
        "os_admin_user": "The user to log in as",
        "os_distro": "Common name of the operating system distribution, in lower case",
        "os_require_quiesce": "Whether file systems must be quiesced for a snapshot: yes or no",
        "os_secure_boot": "Whether the image boots with secure boot: required, disabled or optional",
        "os_type": "The operating system: linux or windows",
        "os_version": "Version of the operating system, as its distributor writes it",
        "ramdisk_id": "The image that holds the ramdisk to boot this one with",
    ]
}
