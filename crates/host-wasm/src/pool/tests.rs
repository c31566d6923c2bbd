use super::*;

#[test]
fn a_plugin_has_no_more_places_than_instances() {
    use InstancePolicy::{PerCall, PerRequest, Pooled, Single};
    for (instances, of_pooled, of_requests) in [(500, (128, 128), 500), (250, (125, 125), 250), (15, (7, 7), 15)] {
        assert_eq!(places(Pooled, instances), of_pooled);
        assert_eq!(places(PerCall, instances), of_pooled);
        assert_eq!(places(PerRequest, instances).0, of_requests);
        assert_eq!(places(Single, instances).0, 1);
    }
}
