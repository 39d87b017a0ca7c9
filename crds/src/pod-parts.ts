import { z } from 'zod'
import { rule, mapBy } from './schema-marks.js'

/**
 * Parts of a pod that a spec may extend: Kubernetes defines their meaning, and the API server has
 * the last word by a dry run of each workload.
 */
const variableName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[-._a-zA-Z][-._a-zA-Z0-9]*$/)
const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/)
const keyOfObject = (kind: string) =>
  z
    .object({
      name: objectName.meta({ description: `Name of the ${kind}, in the namespace of the app.` }),
      key: z.string().min(1).max(253).meta({ description: 'Key in it.' }),
      optional: z.boolean().optional().meta({ description: 'Start without the variable where object or key is missing.' }),
    })
    .meta({ description: `A key of a ${kind}.` })
const wholeObject = (kind: string) =>
  z
    .object({
      name: objectName.meta({ description: `Name of the ${kind}, in the namespace of the app.` }),
      optional: z.boolean().optional().meta({ description: 'Start without it where it is missing.' }),
    })
    .meta({ description: `Each key of a ${kind} as a variable.` })

export const envSchema = z
  .array(
    z
      .object({
        name: variableName,
        value: z.string().max(4096).optional().meta({ description: 'The value itself. It can be read by whoever may read the WeaverApp.' }),
        valueFrom: z
          .object({
            secretKeyRef: keyOfObject('Secret').optional(),
            configMapKeyRef: keyOfObject('ConfigMap').optional(),
            fieldRef: z
              .object({ fieldPath: z.string().min(1).max(253), apiVersion: z.string().max(20).optional() })
              .optional()
              .meta({ description: 'A field of the pod, like metadata.name or status.podIP.' }),
            resourceFieldRef: z
              .object({
                resource: z.string().min(1).max(100),
                containerName: z.string().max(63).optional(),
                divisor: z.string().max(30).optional(),
              })
              .optional()
              .meta({ description: 'A limit or request of a container, like limits.memory.' }),
          })
          .optional()
          .meta({
            description: 'Where the value comes from; the WeaverApp holds no more than the name.',
            'x-kubernetes-validations': [
              rule(
                '(has(self.secretKeyRef) ? 1 : 0) + (has(self.configMapKeyRef) ? 1 : 0) + (has(self.fieldRef) ? 1 : 0) + (has(self.resourceFieldRef) ? 1 : 0) == 1',
                'give one of secretKeyRef, configMapKeyRef, fieldRef and resourceFieldRef',
              ),
            ],
          }),
      })
      .meta({
        'x-kubernetes-validations': [
          rule(
            "!self.name.startsWith('WEAVER_') && self.name != 'POD_NAME'",
            'WEAVER_… and POD_NAME are set by Weaver; use another name',
            '.name',
          ),
          rule('has(self.value) != has(self.valueFrom)', 'give either value or valueFrom'),
        ],
      }),
  )
  .max(100)
  .meta({ description: 'Environment variables.', ...mapBy('name') })

export const envFromSchema = z
  .array(
    z
      .object({
        prefix: z.string().max(100).optional().meta({ description: 'Put before each name.' }),
        secretRef: wholeObject('Secret').optional(),
        configMapRef: wholeObject('ConfigMap').optional(),
      })
      .meta({
        'x-kubernetes-validations': [rule('has(self.secretRef) != has(self.configMapRef)', 'give either secretRef or configMapRef')],
      }),
  )
  .max(50)
  .meta({
    description: 'Every key of Secrets and ConfigMaps as environment variables; env goes before it.',
    'x-kubernetes-list-type': 'atomic',
  })

export const volumesSchema = z
  .array(z.looseObject({ name: z.string().min(1).max(63) }))
  .max(50)
  .meta({
    description: 'Volumes of every pod, as in a pod: secret, configMap, projected, emptyDir, downwardAPI, persistentVolumeClaim …',
    ...mapBy('name'),
  })

export const volumeMountsSchema = z
  .array(
    z.object({
      name: z.string().min(1).max(63).meta({ description: 'Name of the volume.' }),
      mountPath: z.string().min(1).max(1024).meta({ description: 'Where it is in the container.' }),
      subPath: z.string().max(1024).optional(),
      subPathExpr: z.string().max(1024).optional(),
      readOnly: z.boolean().optional(),
      recursiveReadOnly: z.string().max(20).optional(),
      mountPropagation: z.string().max(30).optional(),
    }),
  )
  .max(50)
  .meta({ description: 'Where volumes are in the container of the application.', ...mapBy('mountPath') })

export const podTemplateSchema = z
  .object({
    metadata: z
      .object({
        labels: z.record(z.string(), z.string()).optional().meta({ description: 'Labels of pods, beside those of Weaver.' }),
        annotations: z.record(z.string(), z.string()).optional().meta({ description: 'Annotations of pods.' }),
      })
      .optional(),
    spec: z.record(z.string(), z.unknown()).optional().meta({
      description:
        'A part of a pod: serviceAccountName, affinity, priorityClassName, terminationGracePeriodSeconds, initContainers, further containers, securityContext … Lists are merged by name, as a strategic merge patch does; the container of the application is "app".',
    }),
  })
  .meta({ description: 'Laid over the pods that Weaver makes. What Weaver itself needs is refused.' })
