package events

// Input is one kind of event that a worker reads: who publishes it, and its name.
type Input struct{ Source, Name string }

// Inputs lists events of some kinds, from every source that publishes them.
func Inputs(kinds ...Data) (inputs []Input) {
	for _, kind := range kinds {
		for _, source := range SourcesOf(kind.EventName()) {
			inputs = append(inputs, Input{Source: source, Name: kind.EventName()})
		}
	}
	return inputs
}

// Filter matches this input in a partition, or in AnyPartition, for every extension.
func (i Input) Filter(partition int) string { return LogSubject(partition, i.Source, "*", "*", i.Name) }

// Subject is where the log stores this input for one extension.
func (i Input) Subject(x Extension) string {
	return LogSubject(x.Partition(), i.Source, x.Tenant, x.Number, i.Name)
}
