// Package deploy checks the files in deploy: those of Kubernetes against the types of its
// own API, where an unknown field or a wrong type is an error, and the compose file
// with the loader of the compose specification.
package deploy

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// check reads one document of a file of Kubernetes.
func check(doc []byte) (kind string, err error) {
	var head metav1.TypeMeta
	if err := yaml.Unmarshal(doc, &head); err != nil {
		return "", err
	}
	into := map[string]any{
		"v1/PersistentVolumeClaim": new(corev1.PersistentVolumeClaim), "v1/Service": new(corev1.Service),
		"batch/v1/Job": new(batchv1.Job), "batch/v1/CronJob": new(batchv1.CronJob), "apps/v1/Deployment": new(appsv1.Deployment),
	}[head.APIVersion+"/"+head.Kind]
	if into == nil {
		return "", fmt.Errorf("%s/%s is no kind that is known here", head.APIVersion, head.Kind)
	}
	return head.Kind, yaml.UnmarshalStrict(doc, into)
}

func TestKubernetes(t *testing.T) {
	text, err := os.ReadFile("../../deploy/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for i, doc := range bytes.Split(text, []byte("\n---\n")) {
		kind, err := check(doc)
		if err != nil {
			t.Errorf("document %d: %v", i+1, err)
		}
		kinds[kind]++
		for _, fault := range []struct{ is, becomes string }{{"spec:", "spec:\n  nothing: 1"}, {"metadata:", "metadata: 3\nother:"}, {"apiVersion: ", "apiVersion: x"}} {
			if _, err := check(bytes.Replace(doc, []byte(fault.is), []byte(fault.becomes), 1)); err == nil {
				t.Errorf("document %d is accepted with %q in the place of %q", i+1, fault.becomes, fault.is)
			}
		}
	}
	if kinds["Job"] != 2 || kinds["CronJob"] != 1 {
		t.Errorf("the documents are %v", kinds)
	}
}

func compose(text []byte) error {
	_, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: ".", ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: text}}, Environment: types.Mapping{},
	})
	return err
}

func TestCompose(t *testing.T) {
	text, err := os.ReadFile("../../deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := compose(text); err != nil {
		t.Error(err)
	}
	if compose(bytes.Replace(text, []byte("    image: bandish\n"), []byte("    imagge: bandish\n"), 1)) == nil {
		t.Error("a misspelled member is accepted")
	}
}
