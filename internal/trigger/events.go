// SPDX-License-Identifier: Apache-2.0

package trigger

// The functions below give name and data of the events that ucid fires itself, with the names that
// init scripts look for: bus.Fire(trigger.ConfigChange("network")).

// ConfigChange is the event of a package whose committed values have changed.
func ConfigChange(pkg string) (event string, data map[string]string) {
	return "config.change", map[string]string{"package": pkg}
}

// Interface is the event interface.ACTION, with up, down or update; the device may be empty.
func Interface(action, name, device string) (event string, data map[string]string) {
	return "interface." + action, present("interface", name, "device", device)
}

// Service is the event service.ACTION: start, stop or reload.
func Service(action, service string) (event string, data map[string]string) {
	return "service." + action, map[string]string{"service": service}
}

// DataUpdate is the event of a service whose data has changed; instance is empty if the data is
// that of the service. Scripts know the service as "name", others as "service".
func DataUpdate(service, instance string) (event string, data map[string]string) {
	return "service.data.update", present("name", service, "service", service, "instance", instance)
}

// Instance is the event instance.ACTION: start, stop, update, respawn or fail.
func Instance(action, service, instance string) (event string, data map[string]string) {
	return "instance." + action, present("service", service, "instance", instance)
}

// Mount is the event mount.ACTION, with add or remove; the device may be empty.
func Mount(action, target, device string) (event string, data map[string]string) {
	return "mount." + action, present("target", target, "device", device)
}

// present makes data of pairs and leaves out those whose value is empty, so that "has" tells.
func present(pairs ...string) map[string]string {
	data := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			data[pairs[i]] = pairs[i+1]
		}
	}
	return data
}
