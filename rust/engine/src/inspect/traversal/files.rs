//! Files and folders of servers, which no client asks for.

use crate::inspect::needles::Needles;

/// Files and folders of the server's own, in lower case with single slashes, and what naming one
/// is worth where a path is expected.
const FILES: [(&[u8], f32); 101] = [
    (b"etc/passwd", 0.9),
    (b"etc/shadow", 0.9),
    (b"etc/group", 0.8),
    (b"etc/hosts", 0.7),
    (b"etc/issue", 0.7),
    (b"etc/motd", 0.7),
    (b"etc/master.passwd", 0.9),
    (b"etc/security/", 0.8),
    (b"etc/ssh/", 0.7),
    (b"etc/apache", 0.8),
    (b"etc/httpd", 0.8),
    (b"etc/nginx", 0.8),
    (b"etc/mysql", 0.8),
    (b"etc/my.cnf", 0.8),
    (b"etc/php", 0.8),
    (b"etc/crontab", 0.8),
    (b"etc/sudoers", 0.8),
    (b"etc/fstab", 0.8),
    (b"etc/resolv.conf", 0.7),
    (b"etc/network/", 0.7),
    (b"etc/profile", 0.7),
    (b"etc/init.d/", 0.7),
    (b"etc/ftp", 0.7),
    (b"etc/logrotate", 0.8),
    (b"etc/vsftpd", 0.8),
    (b"etc/proftpd", 0.8),
    (b"proc/self/", 0.9),
    (b"proc/version", 0.8),
    (b"proc/cpuinfo", 0.7),
    (b"proc/net/", 0.8),
    (b"proc/1/", 0.7),
    (b"proc/cmdline", 0.8),
    (b"boot.ini", 0.8),
    (b"win.ini", 0.8),
    (b"system.ini", 0.7),
    (b"php.ini", 0.7),
    (b"my.ini", 0.6),
    (b"web-inf/", 0.7),
    (b"meta-inf/", 0.5),
    (b".htaccess", 0.6),
    (b".htpasswd", 0.7),
    (b".git/config", 0.7),
    (b".git/head", 0.7),
    (b".svn/entries", 0.7),
    (b".ssh/", 0.8),
    (b"id_rsa", 0.7),
    (b".passwd", 0.6),
    (b".bash_history", 0.8),
    (b".mysql_history", 0.8),
    (b".zsh_history", 0.8),
    (b".gitconfig", 0.6),
    (b"conf/tomcat-users", 0.7),
    (b"windows/system32", 0.8),
    (b"winnt/", 0.8),
    (b"windows/repair", 0.8),
    (b"windows/panther", 0.8),
    (b"inetpub/", 0.7),
    (b"var/log/", 0.7),
    (b"var/adm/", 0.7),
    (b"var/mail/", 0.7),
    (b"logs/access.", 0.6),
    (b"logs/access_", 0.6),
    (b"logs/error.", 0.6),
    (b"logs/error_", 0.6),
    (b"xampp/", 0.6),
    (b"system32/config/", 0.8),
    (b"apache/logs/", 0.7),
    (b"usr/local/apache", 0.7),
    (b"usr/local/etc/", 0.7),
    (b"usr/pkg/etc/", 0.7),
    (b"opt/lampp/", 0.7),
    (b"var/lib/mysql", 0.7),
    (b"var/run/", 0.6),
    (b"var/spool/", 0.6),
    (b"run/secrets/", 0.65),
    (b"var/cpanel/", 0.7),
    (b"program files/apache", 0.7),
    (b"program files/mysql", 0.7),
    (b"httpd.conf", 0.7),
    (b"access_log", 0.6),
    (b"error_log", 0.6),
    (b"access.log", 0.6),
    (b"error.log", 0.6),
    (b".bashrc", 0.6),
    (b".bash_profile", 0.6),
    (b".aws/credentials", 0.8),
    (b".docker/config", 0.7),
    (b".kube/config", 0.7),
    (b"wp-config.php", 0.7),
    (b"config.inc.php", 0.6),
    (b"global.asa", 0.6),
    (b"desktop.ini", 0.6),
    (b"boot/grub", 0.7),
    (b"sys/class/", 0.6),
    (b"windows/debug", 0.7),
    (b"windows/system", 0.6),
    (b"root/.", 0.6),
    (b"www/logs/", 0.7),
    (b"log/httpd/", 0.7),
    (b"apache/log", 0.7),
    (b"apache2/log", 0.7),
];

/// The names of [`FILES`].
static NAMES: Needles<{ FILES.len() }> = {
    let mut names: [&[u8]; FILES.len()] = [b""; FILES.len()];
    let mut n = 0;
    while n < FILES.len() {
        names[n] = FILES[n].0;
        n += 1;
    }
    Needles::new(names)
};

/// The most telling file that a path in that form names, at the start of a segment.
/// Shape: lower case, single forward slashes. Cost: linear.
pub fn named(text: &[u8]) -> Option<f32> {
    let mut best: Option<f32> = None;
    NAMES.each(text, |n, at| {
        let (name, score) = FILES[n];
        let alphanumeric = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphanumeric);
        let end = at + name.len();
        let within = at > 0 && alphanumeric(at - 1);
        // `etc/passwd-` is a file, `etc/passwd-management` a page.
        let hyphened = text.get(end) == Some(&b'-') && alphanumeric(end + 1);
        // The less telling a name is, the more it must be the whole name.
        let whole = score > 0.6 || !alphanumeric(end);
        if whole && !within && !hyphened && best.is_none_or(|b| b < score) {
            best = Some(score);
        }
    });
    best
}
