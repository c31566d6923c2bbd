use super::*;

fn reach(address: &str) -> Reach {
    needs(address.parse().unwrap()).0
}

#[test]
fn addresses_of_hosts_on_the_internet_are_public() {
    let addresses = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 \
                     169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 223.255.255.255 \
                     2606:4700:4700::1111 2a00:1450:4001::64 2001:4860:4860::8888 2001:200::1 3fff:1000::1 \
                     ::ffff:8.8.8.8";
    for address in addresses.split_whitespace() {
        assert_eq!(reach(address), Reach::Public, "{address}");
    }
}

#[test]
fn addresses_within_networks_are_private() {
    let addresses = "127.0.0.1 127.255.255.255 10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.1 \
                     100.64.0.0 100.127.255.255 ::1 fc00::1 fdff:ffff::1 ::ffff:127.0.0.1 ::ffff:10.1.2.3";
    for address in addresses.split_whitespace() {
        assert_eq!(reach(address), Reach::Private, "{address}");
    }
}

#[test]
fn addresses_that_stand_for_no_host_are_out_of_reach() {
    let addresses = "0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 100.100.100.200 168.63.129.16 192.0.0.1 192.0.0.192 \
                     192.0.2.1 fd20:ce::254 fd00:42::42 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 \
                     240.0.0.1 255.255.255.255 :: fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1 64:ff9b::7f00:1 \
                     64:ff9b::808:808 64:ff9b:1::1 2002:7f00:1:: 2001::1 2001:10::1 2001:20::1 2001:db8::1 \
                     3fff::1 100::1 5f00::1 4000::1 ::127.0.0.1 ::808:808 ::ffff:169.254.169.254 ::ffff:0.0.0.0";
    for address in addresses.split_whitespace() {
        assert_eq!(reach(address), Reach::Any, "{address}");
    }
}
